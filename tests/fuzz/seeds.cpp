// seeds FOLDER: writes valid files into FOLDER/TARGET for every fuzz target.
#include <downhill/tensor/factory.h>
#include <downhill/tensor/serialize.h>

#include "../data/files.h"
#include "gzip.h"

using namespace downhill;

namespace {

std::string idx_file(char type, std::initializer_list<char> sizes, std::size_t data_bytes) {
  std::string s{0, 0, type, static_cast<char>(sizes.size())};
  for (const char n : sizes) s += std::string{0, 0, 0, n};
  return s + std::string(data_bytes, '\1');
}

std::string new_folder(const std::filesystem::path& path) {
  std::filesystem::create_directories(path);
  return path.string() + "/";
}

void write_safetensors(const std::string& folder) {
  save(StateDict{}, folder + "empty");
  save(StateDict{{"a", tensor({1.0, 2.0})}}, folder + "one");
  save(StateDict{{"u", tensor({1, 2}, kUInt8)},
                 {"d", tensor({{0.1}}, kFloat64)},
                 {"b", tensor({true, false})},
                 {"i", tensor(-7, kInt32)},
                 {"l", tensor({3})},
                 {"\"\n\xc3\xa9", zeros({0, 3})}},
       folder + "all");
  const std::string header = R"({"__metadata__":{"format":"pt"},)"
                             R"("a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})";
  const char length = static_cast<char>(header.size());
  write_file(folder + "metadata", std::string{length, 0, 0, 0, 0, 0, 0, 0} + header + "x");
}

}  // namespace

int main(int, char** argv) {
  const std::filesystem::path root = argv[1];
  const std::string files[] = {idx_file(8, {2, 3}, 6), idx_file(12, {2}, 8),
                               idx_file(13, {1, 1, 1}, 4), idx_file(14, {1}, 8),
                               idx_file(8, {0, 3}, 0)};
  const std::string labels = idx_file(8, {2}, 2), images = idx_file(8, {2, 2, 2}, 8);
  write_safetensors(new_folder(root / "safetensors"));
  const std::string idx = new_folder(root / "idx"), gzip = new_folder(root / "gzip");
  for (std::size_t i = 0; i < std::size(files); ++i) {
    write_file(idx + std::to_string(i), files[i]);
    write_file(idx + std::to_string(i) + ".gz", fuzz::gzip(files[i]) + fuzz::gzip(""));
    write_file(gzip + std::to_string(i), '\5' + files[i]);
  }
  write_file(idx + "large.gz", fuzz::gzip(idx_file(8, {100, 100, 90}, 900000)));
  write_file(idx + "bomb.gz", fuzz::gzip(idx_file(8, {100, 100}, 900000)));
  const auto length = [](const std::string& s) { return '\0' + std::string{char(s.size())}; };
  const std::string sets = new_folder(root / "images"), packed = fuzz::gzip(labels);
  write_file(sets + "plain", length(labels) + labels + images);
  write_file(sets + "gz", length(packed) + packed + fuzz::gzip(images));
}
