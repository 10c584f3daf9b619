// Lines of a recorded file: a case's name, a step, numbers.
#pragma once
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

struct RecordedLine {
  std::int64_t step;
  std::vector<double> values;
};

/// The lines of data/`file` by case.
inline std::map<std::string, std::vector<RecordedLine>> read_recorded(const std::string& file) {
  std::ifstream in(DOWNHILL_TESTS_DIR "/optim/data/" + file);
  std::map<std::string, std::vector<RecordedLine>> cases;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    RecordedLine l;
    words >> name >> l.step;
    for (double x; words >> x;) l.values.push_back(x);
    cases[name].push_back(l);
  }
  return cases;
}
