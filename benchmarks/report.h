// The table, as text and as comma-separated values.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "judge.h"

namespace bench {

/// What took part: each contender's line about itself, and how to read the table.
void print_head(std::FILE* out, const Judge& judge, const Options& options);
/// A line of the table: the least times, their ratios, and the largest of the contenders' spreads,
/// (median - least) / least.
void print_row(std::FILE* out, const Measurement& m);
/// A line for each row and process; times in nanoseconds.
void write_csv(const std::string& path, const std::vector<Measurement>& all);

}  // namespace bench
