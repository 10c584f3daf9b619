// Random numbers from a counter: Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011. Element i of a draw depends on the seed, the generator's
// offset and i alone, so results do not depend on the number of threads, on strides or on what was
// drawn into another tensor. They are not PyTorch's numbers for the same seed.
#pragma once
#include <atomic>
#include <cstdint>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

/// A stream of random numbers. Copies continue independently from the same place. Several threads
/// may draw from one generator; each number is then given to one of them.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 67280421310721) : seed_(seed) {}
  Generator(const Generator& o) : seed_(o.seed()), offset_(o.offset()) {}
  Generator& operator=(const Generator& o) {
    seed_ = o.seed();
    offset_ = o.offset();
    return *this;
  }
  /// Starts the stream of this seed from its beginning.
  void manual_seed(std::uint64_t seed) {
    seed_ = seed;
    offset_ = 0;
  }
  std::uint64_t seed() const { return seed_; }
  /// Where the stream is: with seed(), all there is to save.
  std::uint64_t offset() const { return offset_; }
  void set_offset(std::uint64_t offset) { offset_ = offset; }
  /// Takes n counters, which nobody else will get; returns the first.
  std::uint64_t advance(std::uint64_t n) { return offset_.fetch_add(n); }
  /// One number, uniform in [0, 2^64).
  std::uint64_t next();

 private:
  std::atomic<std::uint64_t> seed_, offset_{0};
};

/// The generator that is used where none is given: one for the process.
Generator& default_generator();
/// Seeds the default generator.
void manual_seed(std::uint64_t seed);

/// Uniform in [0, 1): multiples of 2^-24 (float32) or 2^-53 (float64). Floating dtypes only.
Tensor rand(const Shape& size, const TensorOptions& options = {});
Tensor rand(const Shape& size, Generator& generator, const TensorOptions& options = {});
Tensor rand_like(const Tensor& x);
/// Standard normal: Box and Muller's transform of two uniform numbers. Floating dtypes only.
Tensor randn(const Shape& size, const TensorOptions& options = {});
Tensor randn(const Shape& size, Generator& generator, const TensorOptions& options = {});
Tensor randn_like(const Tensor& x);

/// Integers in [low, high), each equally likely, int64 unless the options say otherwise. Throws
/// Error for an empty range and for one that the dtype does not hold exactly.
Tensor randint(std::int64_t low, std::int64_t high, const Shape& size,
               const TensorOptions& options = {});
Tensor randint(std::int64_t high, const Shape& size, const TensorOptions& options = {});
Tensor randint(std::int64_t low, std::int64_t high, const Shape& size, Generator& generator,
               const TensorOptions& options = {});
/// A random order of 0 ... n - 1, int64, each order equally likely (Fisher and Yates' shuffle).
Tensor randperm(std::int64_t n);
Tensor randperm(std::int64_t n, Generator& generator);
/// 1 with probability p (a multiple of 2^-24), else 0; of the shape and dtype of x.
Tensor bernoulli_like(const Tensor& x, double p);
Tensor bernoulli_like(const Tensor& x, double p, Generator& generator);

/// Tensor::uniform_ and Tensor::normal_ with a generator of your own. Both fill x in place, are not
/// recorded, and refuse a tensor that requires a gradient while grad mode is on (use NoGradGuard).
/// uniform_ draws from [from, to), normal_ from the normal distribution of that mean and standard
/// deviation. Floating dtypes only.
const Tensor& uniform_(const Tensor& x, double from, double to, Generator& generator);
const Tensor& normal_(const Tensor& x, double mean, double std, Generator& generator);

}  // namespace downhill
#pragma GCC visibility pop
