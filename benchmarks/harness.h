// The judge: rows of work, contenders that do them, and how they are timed and compared.
//
// Google Benchmark was weighed and not taken: it times one function after another, and what counts
// here is ratios between contenders measured in turns, after checking that they compute the same,
// with every contender in a process of its own: libtorch is loaded only by its own processes, once
// for each setting of OPENBLAS_CORETYPE, which its BLAS reads when it is loaded.
//
// Nanoseconds of small ops depend on where malloc happened to put their blocks: up to 20 % between
// two processes that differ in nothing else.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

using Numbers = std::vector<double>;
using Environment = std::vector<std::pair<std::string, std::string>>;

/// One contender's side of one row.
class Workload {
 public:
  virtual ~Workload() = default;
  /// Does the row's work n times.
  virtual void run(std::int64_t n) = 0;
  /// What was computed, in numbers of order one that all contenders of the row agree on.
  virtual Numbers result() = 0;
};
using Maker = std::function<std::unique_ptr<Workload>()>;

/// The compiler may not drop what leads to x.
template <class T> void keep(const T& x) { asm volatile("" : : "r"(&x) : "memory"); }

/// A workload made of an object with step() and result().
template <class T> class Steps final : public Workload {
 public:
  template <class... A> explicit Steps(A&&... args) : work_(std::forward<A>(args)...) {}
  void run(std::int64_t n) override {
    for (std::int64_t i = 0; i < n; ++i) {
      work_.step();
      keep(work_);
    }
  }
  Numbers result() override { return work_.result(); }

 private:
  T work_;
};

template <class T, class... A> Maker maker(A... args) {
  return [=] { return std::make_unique<Steps<T>>(args...); };
}

/// What a contender can do. Rows are joined by name; a name that is no row is an error.
struct Contender {
  std::string name;
  /// What the processes set before anything is loaded, a process each; the best one counts.
  std::vector<Environment> environments = {{}};
  /// Called once in the process; returns what it found there, in a line.
  std::function<std::string(int threads)> start;
  std::map<std::string, Maker, std::less<>> works;

  void add(const std::string& row, Maker make) { works[row] = std::move(make); }
};

/// The contender of this name, made at first use. Contenders stand in the table in this order:
/// ours, floor, others.
Contender& contender(std::string_view name);
std::vector<Contender*> contenders();

/// Lets a file join in: `const Part part("floor", [](Contender& c) { c.add(...); });`
struct Part {
  Part(std::string_view name, void (*fill)(Contender&)) { fill(contender(name)); }
};

/// n numbers in [low, high), always the same for a seed.
std::vector<float> uniform(std::int64_t n, std::uint64_t seed, float low = -1, float high = 1);
/// n class numbers.
std::vector<std::int64_t> labels(std::int64_t n, std::int64_t classes, std::uint64_t seed);
/// An array in a few numbers of order one: the logarithm of its root mean square; mean, a weighted
/// mean, and the first and last element in units of that.
Numbers summary(const float* x, std::int64_t n);
/// One list after the other.
Numbers join(Numbers a, const Numbers& b);

}  // namespace bench
