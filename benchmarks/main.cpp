// Ours, the hand-coded floor and, where it was found, libtorch, in one table. Ends with 1 where
// contenders compute something different, else with 0.
#include <dlfcn.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "report.h"

namespace bench {
namespace {

struct Arguments : Options {
  std::string worker, alone;
  std::int64_t repetitions = 1000;
  bool list = false, quick = false;
};

void describe(CLI::App& app, Arguments& a) {
  app.add_option("--filter", a.filter, "only rows that this regular expression finds");
  app.add_option("--csv", a.csv, "write all times to this file as well");
  app.add_option("--threads", a.threads, "threads of every contender")->check(CLI::PositiveNumber);
  app.add_option("--rounds", a.rounds, "timings of each contender")->check(CLI::PositiveNumber);
  app.add_flag("--quick", a.quick, "few short rounds: wrong by more, done sooner");
  app.add_flag("--list", a.list, "only name the rows");
  app.add_option("--alone", a.alone, "for a profiler: run this contender's rows in this process");
  app.add_option("--repetitions", a.repetitions, "how often --alone does each row");
  app.add_option("--worker", a.worker, "serve as this contender's process")->group("");
}

/// Contenders that are not part of the program join in when their module is loaded.
void load_module() {
#ifdef LIBTORCH_MODULE
  if (!dlopen(LIBTORCH_MODULE, RTLD_NOW)) throw std::runtime_error(dlerror());
#endif
}

/// Loads nothing where the contender is part of the program.
Contender& only(const std::string& name) {
  for (Contender* c : contenders())
    if (c->name == name) return *c;
  load_module();
  return contender(name);
}

void check_names() {
  for (const Contender* c : contenders())
    for (const auto& [row, maker] : c->works)
      if (row_index(row) < 0) throw std::runtime_error(c->name + " does what is no row: " + row);
}

std::vector<int> chosen(const Arguments& a) {
  const std::regex wanted(a.filter);
  std::vector<int> rows;
  for (std::size_t i = 0; i < all_rows().size(); ++i)
    if (std::regex_search(all_rows()[i].name, wanted)) rows.push_back(static_cast<int>(i));
  return rows;
}

int compare(const Arguments& a) {
  load_module();
  check_names();
  Judge judge(a);
  print_head(stdout, judge, a);
  std::vector<Measurement> all;
  bool agree = true;
  for (const int row : chosen(a)) {
    all.push_back(judge.measure(row));
    print_row(stdout, all.back());
    agree = agree && all.back().failures.empty();
  }
  if (!a.csv.empty()) write_csv(a.csv, all);
  return agree ? 0 : 1;
}

int run_alone(const Arguments& a) {
  const Contender& c = only(a.alone);
  c.start(a.threads);
  for (const int row : chosen(a)) {
    const auto found = c.works.find(all_rows()[static_cast<std::size_t>(row)].name);
    if (found != c.works.end()) found->second()->run(a.repetitions);
  }
  return 0;
}

int run(int argc, char** argv) {
  Arguments a;
  CLI::App app("Times downhill beside a hand-coded floor and libtorch.");
  describe(app, a);
  CLI11_PARSE(app, argc, argv);
  if (a.quick) a.rounds = 5, a.batch_seconds = 1e-3, a.row_seconds = 1;
  if (!a.worker.empty()) return serve(only(a.worker), 3, a.threads), 0;
  if (!a.alone.empty()) return run_alone(a);
  if (!a.list) return compare(a);
  for (const int row : chosen(a))
    fmt::print("{}\n", all_rows()[static_cast<std::size_t>(row)].name);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 2;
  }
}
