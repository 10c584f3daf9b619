#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace bench {
namespace {

/// Three significant digits and a unit.
std::string duration(const Times* t) {
  if (!t) return "-";
  double value = t->least * 1e9;
  const char* unit = "ns";
  if (value >= 1e6) value /= 1e6, unit = "ms";
  else if (value >= 1e4) value /= 1e3, unit = "us";
  return fmt::format("{:.{}f} {}", value, value < 10 ? 2 : value < 100 ? 1 : 0, unit);
}

std::string ratio(const Times* above, const Times* below) {
  return above && below ? fmt::format("{:.2f}", above->least / below->least) : "-";
}

std::string settings(const Environment& environment) {
  std::string text;
  for (const auto& [name, value] : environment) text += fmt::format(" {}={}", name, value);
  return text;
}

constexpr const char* format = "{:<38} {:>9} {:>9} {:>9} {:>10} {:>12} {:>7}\n";

}  // namespace

void print_head(std::FILE* out, const Judge& judge, const Options& options) {
  for (const auto& w : judge.workers())
    fmt::print(out, "{}{}: {}\n", w->contender().name, settings(w->environment()),
               w->description());
  fmt::print(out,
             "threads: {}. Least of up to {} interleaved rounds; spread: how far the median lies"
             " above it.\n\n",
             options.threads, options.rounds);
  fmt::print(out, format, "", "ours", "floor", "libtorch", "ours/floor", "libtorch/ours", "spread");
}

void print_row(std::FILE* out, const Measurement& m) {
  const Times *ours = m.best("ours"), *floor = m.best("floor"), *libtorch = m.best("libtorch");
  double spread = 0;
  for (const Times* t : {ours, floor, libtorch})
    if (t) spread = std::max(spread, t->spread());
  fmt::print(out, format, m.row->name, duration(ours), duration(floor), duration(libtorch),
             ratio(ours, floor), ratio(libtorch, ours), fmt::format("{:.0f}%", spread * 100));
  for (const auto& failure : m.failures) fmt::print(out, "  FAILED {}\n", failure);
  std::fflush(out);
}

void write_csv(const std::string& path, const std::vector<Measurement>& all) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                             &std::fclose);
  if (!file) throw std::runtime_error("cannot write " + path);
  fmt::print(file.get(), "row,contender,environment,least_ns,median_ns,spread\n");
  for (const Measurement& m : all)
    for (const Times& t : m.times)
      fmt::print(file.get(), "\"{}\",{},{},{:.2f},{:.2f},{:.4f}\n", m.row->name,
                 t.worker->contender().name, settings(t.worker->environment()), t.least * 1e9,
                 t.median * 1e9, t.spread());
}

}  // namespace bench
