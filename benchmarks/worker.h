// A contender in a process of its own: this program started again with other environment variables,
// told over a socket what to do next. One process works at a time.
#pragma once
#include <cstdio>
#include <stdexcept>
#include <string>

#include "harness.h"
#include "rows.h"

namespace bench {

/// What a contender threw, or that its process is gone.
struct WorkerError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The judge's side.
class Worker {
 public:
  Worker(const Contender& contender, const Environment& environment, int threads);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  const Contender& contender() const { return *contender_; }
  const Environment& environment() const { return environment_; }
  /// What the contender said of itself at its start.
  const std::string& description() const { return description_; }

  /// Makes the workload of a row, runs it checked_steps times, and returns its result.
  Numbers check(int row);
  /// How many repetitions take about this long.
  std::int64_t calibrate(int row, double seconds);
  /// Seconds a repetition, over n repetitions after a few to warm up.
  double time(int row, std::int64_t n);
  /// Frees the workload.
  void drop();

 private:
  void start();
  void stop();
  std::string ask(const std::string& request);

  const Contender* contender_;
  Environment environment_;
  int threads_;
  int process_ = 0;
  std::FILE *in_ = nullptr, *out_ = nullptr;
  std::string description_;
};

/// The process's side: serves the judge on this file descriptor until it hangs up.
void serve(const Contender& contender, int descriptor, int threads);

}  // namespace bench
