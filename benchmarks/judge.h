// Runs a row: compares the contenders' results, then times them in turns.
#pragma once
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "worker.h"

namespace bench {

struct Options {
  std::string filter, csv;
  int rounds = 25, threads = 1;
  double batch_seconds = 4e-3;  ///< about how long one timing takes
  double row_seconds = 6;       ///< fewer rounds, but three, where a row would take longer
};

/// One contender's times of one row, in seconds for a unit of work, over the rounds.
struct Times {
  const Worker* worker = nullptr;
  double least = 0, median = 0;
  double spread() const { return median / least - 1; }
};

struct Measurement {
  const Row* row = nullptr;
  std::vector<Times> times;
  std::vector<std::string> failures;  ///< contenders that threw, or computed something else

  /// The fastest process of a contender; null where it did not run.
  const Times* best(std::string_view contender) const;
};

class Judge {
 public:
  explicit Judge(const Options& options);
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  Measurement measure(int row);

 private:
  struct Run;
  std::vector<Run> compare(int row, Measurement& m);
  void race(int row, std::vector<Run>& runs);

  Options options_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace bench
