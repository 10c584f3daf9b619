// Ops computed at every instruction set and compared, bit for bit.
#include "digests.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include <downhill/autograd.h>
#include <downhill/tensor.h>

#include "sweep/checks.h"

namespace downhill::determinism {
namespace {

using sweep::Tensors;
constexpr std::uint64_t kSeed = 14695981039346656037u, kPrime = 1099511628211u;  // FNV-1a

constexpr std::int64_t kLong = 1003;

/// Each input made a long vector: its own elements, drawn nearer to 0 by different factors.
Tensors lengthened(const Tensors& inputs) {
  Tensors r;
  for (const Tensor& x : inputs) {
    if (x.numel() == 0) return {};
    Tensor at = empty({kLong}, kInt64);
    for (std::int64_t i = 0; i < kLong; ++i) at.data_ptr<std::int64_t>()[i] = i % x.numel();
    const Tensor many = x.reshape({-1}).index({at});
    r.push_back(x.is_floating_point() ? many * linspace(1, 0.5, kLong, kFloat64) : many);
  }
  return r;
}

void add(Digest& digest, const Sample& sample, const Tensors& inputs) {
  const Tensors in = sweep::fresh(inputs, true), out = sample.fn(in);
  digest.values = mix(digest.values, out);
  if (!sweep::differentiable(out).empty())
    digest.gradients = mix(digest.gradients, sweep::gradients(sample, in));
}

}  // namespace

std::uint64_t mix(std::uint64_t digest, const std::vector<Tensor>& tensors) {
  for (const Tensor& x : tensors) {
    Tensor plain = x.detach();
    if (x.is_floating_point()) plain = where(plain == plain, plain, 12345);
    plain = plain.contiguous();
    const auto* bytes = static_cast<const unsigned char*>(plain.data_ptr());
    const auto n = static_cast<std::size_t>(plain.numel()) * size_of(plain.dtype());
    for (std::size_t i = 0; i < n; ++i) digest = (digest ^ bytes[i]) * kPrime;
  }
  return digest;
}

std::vector<Digest> digests() {
  std::vector<Digest> all;
  for (const OpEntry& op : all_ops()) {
    Digest digest{fmt::format("{} {}", all.size(), op.name), kSeed, kSeed};
    for (const Sample& s : op.samples()) {
      std::vector<Tensors> calls{s.inputs};
      if (op.pointwise) calls.push_back(lengthened(s.inputs));
      for (const Tensors& inputs : calls) {
        if (inputs.empty()) continue;
        add(digest, s, inputs);
        add(digest, s, sweep::narrowed(inputs));
      }
    }
    all.push_back(digest);
  }
  return all;
}

namespace {

const std::string kRecorded = DOWNHILL_TESTS_DIR "/determinism/digests.txt";

struct WithIsa {
  explicit WithIsa(Isa level) : before(isa()) { set_max_isa(level); }
  ~WithIsa() { set_max_isa(before); }
  Isa before;
};

std::string text_of(const Digest& d) {
  return fmt::format("{} {:016x} {:016x}", d.name, d.values, d.gradients);
}

std::vector<std::string> recorded() {
  std::ifstream in(kRecorded);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);)
    if (!line.starts_with('#')) lines.push_back(line);
  return lines;
}

void record(const std::vector<Digest>& all) {
  std::ofstream out(kRecorded);
  out << "# The bits of every op with fused multiply-add, however compiled: op, values, "
         "gradients.\n"
         "# DOWNHILL_RECORD=1 downhill_tests --test-case='*recorded bits*' writes this file.\n";
  for (const Digest& d : all) out << text_of(d) << '\n';
}

}  // namespace

TEST_CASE("AVX2 and AVX-512 give the same bits") {
  if (isa() < Isa::v4) return;
  const auto wide = digests();
  const WithIsa guard(Isa::v3);
  const auto narrow = digests();
  for (std::size_t i = 0; i < wide.size(); ++i) CHECK(text_of(wide[i]) == text_of(narrow[i]));
}

TEST_CASE("every compiler and processor gives the recorded bits") {
  if (isa() < Isa::v3) return;
  const auto now = digests();
  if (std::getenv("DOWNHILL_RECORD")) record(now);
  const auto expected = recorded();
  REQUIRE(now.size() == expected.size());
  for (std::size_t i = 0; i < now.size(); ++i) CHECK(text_of(now[i]) == expected[i]);
}

}  // namespace downhill::determinism
