#include "judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace bench {
namespace {

/// The first place where the numbers lie too far apart, in words; empty where they agree.
std::string difference(const Numbers& a, const Numbers& b, double tolerance) {
  if (a.size() != b.size()) return fmt::format("{} numbers instead of {}", b.size(), a.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= tolerance) && a[i] != b[i])
      return fmt::format("number {} is {:.7g} instead of {:.7g}", i, b[i], a[i]);
  return {};
}

}  // namespace

struct Judge::Run {
  Worker* worker;
  Numbers result;
  std::int64_t repetitions = 1;
  std::vector<double> seconds = {};
};

const Times* Measurement::best(std::string_view contender) const {
  const Times* found = nullptr;
  for (const Times& t : times)
    if (t.worker->contender().name == contender && (!found || t.least < found->least)) found = &t;
  return found;
}

Judge::Judge(const Options& options) : options_(options) {
  for (const Contender* c : contenders())
    for (const Environment& e : c->environments)
      workers_.push_back(std::make_unique<Worker>(*c, e, options.threads));
}

/// Results are compared with the first contender's that has one.
std::vector<Judge::Run> Judge::compare(int row, Measurement& m) {
  std::vector<Run> runs;
  for (auto& worker : workers_) {
    if (!worker->contender().works.contains(m.row->name)) continue;
    try {
      runs.push_back({worker.get(), worker->check(row)});
    } catch (const WorkerError& e) {
      m.failures.push_back(fmt::format("{}: {}", m.row->name, e.what()));
    }
  }
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const auto text = difference(runs[0].result, runs[i].result, m.row->tolerance);
    if (!text.empty())
      m.failures.push_back(fmt::format("{}: {} against {}: {}", m.row->name,
                                       runs[i].worker->contender().name,
                                       runs[0].worker->contender().name, text));
  }
  return runs;
}

/// Each round begins with another contender.
void Judge::race(int row, std::vector<Run>& runs) {
  double round_seconds = 0;
  for (Run& run : runs) {
    run.repetitions = run.worker->calibrate(row, options_.batch_seconds);
    round_seconds += run.worker->time(row, run.repetitions) * static_cast<double>(run.repetitions);
  }
  const int affordable = static_cast<int>(options_.row_seconds / std::max(round_seconds, 1e-6));
  const int rounds = std::clamp(affordable, std::min(3, options_.rounds), options_.rounds);
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      Run& run = runs[(i + round) % runs.size()];
      run.seconds.push_back(run.worker->time(row, run.repetitions));
    }
}

Measurement Judge::measure(int row) {
  Measurement m{&all_rows()[static_cast<std::size_t>(row)], {}, {}};
  auto runs = compare(row, m);
  if (!runs.empty()) race(row, runs);
  for (Run& run : runs) {
    std::ranges::sort(run.seconds);
    const double per = m.row->per;
    m.times.push_back(
        {run.worker, run.seconds[0] / per, run.seconds[run.seconds.size() / 2] / per});
    run.worker->drop();
  }
  return m;
}

}  // namespace bench
