#include <doctest/doctest.h>

#include <downhill/tensor/factory.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/ops.h>
#include <downhill/tensor/serialize.h>
#include <algorithm>
#include <cstring>

#include "data/files.h"

using namespace downhill;

namespace {

std::string length_bytes(std::uint64_t n) {
  std::string s(8, '\0');
  std::memcpy(s.data(), &n, 8);
  return s;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return length_bytes(header.size()) + header + std::string(data_bytes, '\0');
}

std::string entry(const char* name, const char* dtype, const char* shape, const char* offsets) {
  return std::string("\"") + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape +
         R"(,"data_offsets":)" + offsets + "}";
}

template <class T> std::vector<T> values(const Tensor& x) {
  return {x.data_ptr<T>(), x.data_ptr<T>() + x.numel()};
}

struct Malformed {
  std::string what, bytes, message;
};

const std::string kGood = entry("a", "F32", "[2]", "[0,8]");

std::vector<Malformed> malformed_framing() {
  return {
      {"an empty file", "", "is truncated: 0 bytes, no header length"},
      {"half a header length", "\x08\0\0", "is truncated: 1 bytes, no header length"},
      {"a header longer than the file", length_bytes(50) + "{}",
       "is truncated: its header has 50 bytes, 2 are there"},
      {"a header above the limit", length_bytes(100'000'001) + "{}",
       "a header of 100000001 bytes, at most 100000000 are allowed"},
      {"a header length that overflows", length_bytes(~std::uint64_t(0)) + "{}",
       "a header of 18446744073709551615 bytes, at most 100000000 are allowed"},
      {"no header", file_of("", 0), "the header does not begin with '{'"},
      {"a header after spaces", file_of(" {}", 0), "the header does not begin with '{'"},
      {"an array as header", file_of("[]", 0), "the header does not begin with '{'"},
      {"a cut header", file_of("{\"a\":", 0), "the header is not JSON"},
      {"zeros after the header", file_of(std::string("{}\0\0", 4), 0), "the header is not JSON"},
      {"two headers", file_of("{}{}", 0), "the header is not JSON"},
      {"a name that is not UTF-8", file_of("{\"\xff\":1}", 0), "the header is not JSON"},
      {"a comment", file_of("{/* */}", 0), "the header is not JSON"},
      {"deep nesting", file_of(R"({"a":{"shape":[[2]]}})", 0), "the header is nested too deeply"},
  };
}

std::vector<Malformed> malformed_entries() {
  const auto one = [](const char* dtype, const char* shape, const char* offsets) {
    return file_of("{" + entry("a", dtype, shape, offsets) + "}", 8);
  };
  const std::string not_list = "'a' needs a list of non-negative integers as ";
  return {
      {"an entry that is a number", file_of(R"({"a":1})", 0), "'a' is not an object"},
      {"no dtype", file_of(R"({"a":{"shape":[],"data_offsets":[0,8]}})", 8), "'a' has no dtype"},
      {"no shape", file_of(R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", 8), "'a' has no shape"},
      {"no offsets", file_of(R"({"a":{"dtype":"F32","shape":[2]}})", 8), "'a' has no data_offsets"},
      {"an unknown key",
       file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8),
       "'a' has the unknown key 'x'"},
      {"an unknown dtype", one("F16", "[2]", "[0,8]"), "'a' has the unknown dtype \"F16\" (known:"},
      {"a dtype in small letters", one("f32", "[2]", "[0,8]"), "the unknown dtype \"f32\""},
      {"a dtype that is a number",
       file_of(R"({"a":{"dtype":1,"shape":[2],"data_offsets":[0,8]}})", 8),
       "the unknown dtype 1 (known:"},
      {"a shape that is a number", one("F32", "2", "[0,8]"), not_list + "shape"},
      {"a negative size", one("F32", "[-2]", "[0,8]"), not_list + "shape"},
      {"a fractional size", one("F32", "[2.0]", "[0,8]"), not_list + "shape"},
      {"a size beyond 64 bits", one("F32", "[36893488147419103232]", "[0,8]"), not_list + "shape"},
      {"sizes that overflow", one("F32", "[4294967296,4294967296,4]", "[0,8]"),
       "'a' has too many elements (shape [4294967296,4294967296,4])"},
      {"empty sizes that overflow", one("F32", "[0,4294967296,4294967296]", "[0,0]"),
       "'a' has too many elements"},
      {"too many dimensions", one("F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]"),
       "'a' has 9 dimensions, at most 8 are supported"},
      {"one offset", one("F32", "[2]", "[8]"), "'a' needs data_offsets [begin, end]"},
      {"three offsets", one("F32", "[2]", "[0,4,8]"), "'a' needs data_offsets [begin, end]"},
      {"offsets in the wrong order", one("F32", "[2]", "[8,0]"),
       "'a' needs data_offsets [begin, end]"},
      {"negative offsets", one("F32", "[2]", "[-8,0]"), not_list + "data_offsets"},
      {"text as offsets", one("F32", "[2]", "[\"0\",8]"), not_list + "data_offsets"},
      {"offsets too small for the shape", one("F32", "[2]", "[0,4]"),
       "'a' of shape [2] and dtype float32 has 8 bytes, its data_offsets hold 4"},
      {"offsets too large for the shape", one("U8", "[2]", "[0,8]"),
       "'a' of shape [2] and dtype uint8 has 2 bytes, its data_offsets hold 8"},
  };
}

std::vector<Malformed> malformed_tiling() {
  const auto two = [](const char* offsets, std::size_t bytes) {
    return file_of("{" + kGood + "," + entry("b", "F32", "[2]", offsets) + "}", bytes);
  };
  return {
      {"a hole at the beginning", file_of("{" + entry("a", "F32", "[2]", "[8,16]") + "}", 16),
       "'a' begins at byte 8, not at 0 (a hole)"},
      {"a hole between tensors", two("[12,20]", 20), "'b' begins at byte 12, not at 8 (a hole)"},
      {"an overlap", two("[4,12]", 12), "'b' begins at byte 4, not at 8 (an overlap)"},
      {"the same place twice", two("[0,8]", 8), "begins at byte 0, not at 8 (an overlap)"},
      {"missing data", two("[8,16]", 15), "is truncated: its tensors have 16 bytes, 15 are there"},
      {"trailing data", two("[8,16]", 17), "has 1 bytes after its last tensor"},
      {"data without tensors", file_of("{}", 3), "has 3 bytes after its last tensor"},
      {"a name twice", file_of("{" + kGood + "," + kGood + "}", 8), "the key 'a' occurs twice"},
      {"a name twice by way of an escape",
       file_of("{" + kGood + "," + entry("\\u0061", "F32", "[2]", "[8,16]") + "}", 16),
       "the key 'a' occurs twice"},
      {"a key twice",
       file_of(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
       "the key 'dtype' occurs twice"},
      {"metadata that is a list", file_of(R"({"__metadata__":["x"]})", 0),
       "__metadata__ is not a map of strings"},
      {"metadata with a number", file_of(R"({"__metadata__":{"x":1}})", 0),
       "__metadata__ is not a map of strings"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})", 0),
       "the key '__metadata__' occurs twice"},
      {"a bool of 2", file_of("{" + entry("a", "BOOL", "[1]", "[0,1]") + "}", 0) + "\2",
       "'a' is BOOL but holds a byte other than 0 and 1"},
  };
}

void check_refused(const std::vector<Malformed>& cases) {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  for (const auto& c : cases) {
    write_file(path, c.bytes);
    const std::string message = message_of([&] { load(path); });
    CAPTURE(c.what);
    CAPTURE(message);
    CHECK(message.starts_with("load: '" + path + "'"));
    CHECK(message.find(c.message) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("every dtype and shape comes back as it was saved, in order") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  const StateDict saved = {{"bytes", tensor({1, 2, 255}, kUInt8)},
                           {"doubles", tensor({{0.1, -2.0}}, kFloat64)},
                           {"flags", tensor({true, false})},
                           {"floats", tensor({1.5})},
                           {"int", tensor(-7, kInt32)},
                           {"long", tensor({std::int64_t(1) << 60})},
                           {"none", zeros({0, 3})}};
  save(saved, path);
  const StateDict loaded = load(path);
  REQUIRE(loaded.size() == saved.size());
  for (auto a = saved.begin(), b = loaded.begin(); a != saved.end(); ++a, ++b) {
    CHECK(a->first == b->first);
    CHECK(a->second.sizes() == b->second.sizes());
    REQUIRE(a->second.dtype() == b->second.dtype());
    const auto bytes = static_cast<std::size_t>(a->second.numel()) * size_of(a->second.dtype());
    CHECK(std::memcmp(a->second.data_ptr(), b->second.data_ptr(), bytes) == 0);
  }
}

TEST_CASE("the bytes of a file are those of the specification") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  save(StateDict{{"attn0", tensor({{1, 2, 3}}, kUInt8)}}, path);
  const std::string header = R"({"attn0":{"dtype":"U8","shape":[1,3],"data_offsets":[0,3]}})";
  const std::string padded = header + std::string((8 - header.size() % 8) % 8, ' ');
  CHECK(read_file(path) == length_bytes(padded.size()) + padded + "\1\2\3");
  save(StateDict{}, path);
  CHECK(read_file(path) == length_bytes(8) + "{}      ");
}

TEST_CASE("data are aligned: larger elements come first, whatever the order of names") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  save(StateDict{{"a", tensor({1}, kUInt8)}, {"b", tensor({0.5}, kFloat64)}}, path);
  const std::string bytes = read_file(path);
  CHECK(bytes.find(R"("a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]})") != bytes.npos);
  CHECK(bytes.find(R"("b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]})") != bytes.npos);
}

TEST_CASE("the same tensors give the same bytes") {
  const TemporaryFolder folder;
  const StateDict d = {{"z", tensor({1.0})}, {"a", tensor({2})}};
  save(d, folder / "1");
  save(d, folder / "2");
  CHECK(read_file(folder / "1") == read_file(folder / "2"));
}

TEST_CASE("views and parameters are saved by their elements") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  const Tensor w = tensor({{1.0, 2.0}, {3.0, 4.0}}, requires_grad());
  save(StateDict{{"w", w}, {"t", w.t()}}, path);
  const StateDict d = load(path);
  CHECK(values<float>(d.at("t")) == std::vector<float>{1, 3, 2, 4});
  CHECK_FALSE(d.at("w").requires_grad());
}

TEST_CASE("names may hold any text") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors", name = "a \"quoted\"\n\\ \xc3\xa9";
  save(StateDict{{name, tensor({1.0})}, {"", tensor({2.0})}}, path);
  CHECK(load(path).at(name).item() == 1);
  CHECK(load(path).at("").item() == 2);
}

TEST_CASE("a map can be saved") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  save(std::map<std::string, Tensor>{{"a", tensor({1.0})}}, path);
  CHECK(load(path).contains("a"));
}

TEST_CASE("files with metadata, unordered offsets and padding are read") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  const std::string header = R"({"__metadata__":{"format":"pt"},)" +
                             entry("late", "U8", "[1]", "[8,9]") + "," + kGood + "}     ";
  write_file(path, file_of(header, 8) + "\5");
  const StateDict d = load(path);
  CHECK(d.size() == 2);
  CHECK(d.begin()->first == "late");
  CHECK(d.at("late").item() == 5);
}

TEST_CASE("malformed framing is refused") { check_refused(malformed_framing()); }
TEST_CASE("malformed entries are refused") { check_refused(malformed_entries()); }
TEST_CASE("holes, overlaps, rests and repeated names are refused") {
  check_refused(malformed_tiling());
}

TEST_CASE("every cut of a file is refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  save(StateDict{{"a", tensor({1.0, 2.0})}, {"b", tensor({3})}}, path);
  const std::string whole = read_file(path);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    write_file(path, whole.substr(0, n));
    CHECK_THROWS_AS(load(path), Error);
  }
}

TEST_CASE("names that no file can hold are refused") {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  const Tensor x = tensor({1.0});
  CHECK(message_of([&] {
          save(StateDict{{"\xff", x}}, path);
        }) == "save: '" + path + "': a name is not UTF-8");
  CHECK(folder.file_count() == 0);
}

TEST_CASE("a state dict keeps the order of insertion and finds by name") {
  StateDict d = {{"z", tensor(1)}, {"a", tensor(2)}};
  CHECK(d.begin()->first == "z");
  CHECK(d.at("a").item() == 2);
  CHECK(d.find("b") == nullptr);
  CHECK(d.size() == 2);
}

TEST_CASE("a state dict nests others under a prefix") {
  StateDict d;
  d.merge("fc.", {{"weight", tensor(1)}, {"bias", tensor(2)}});
  d.insert("other", tensor(3));
  CHECK(d.at("fc.bias").item() == 2);
  const StateDict inner = d.under("fc.");
  CHECK(inner.size() == 2);
  CHECK(inner.begin()->first == "weight");
}
