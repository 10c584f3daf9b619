#include <doctest/doctest.h>
#include <downhill/data/idx.h>
#include <zlib.h>

#include <vector>

#include "files.h"

using namespace downhill;

namespace {

std::string bytes(std::initializer_list<int> list) {
  std::string s;
  for (int b : list) s += static_cast<char>(b);
  return s;
}

std::string gzip(const std::string& plain) {
  std::string out(plain.size() + 100, '\0');
  z_stream z = {};
  deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// uint8 [2, 3]: 1 ... 6.
const std::string kGood = bytes({0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6});

template <class T> std::vector<T> values(const Tensor& x) {
  return {x.data_ptr<T>(), x.data_ptr<T>() + x.numel()};
}

/// The message of reading a file with these bytes, without "idx: 'PATH'".
std::string complaint(const std::string& content) {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  write_file(path, content);
  const std::string message = message_of([&] { data::idx(path); }), start = "idx: '" + path + "'";
  return message.starts_with(start) ? message.substr(start.size()) : "other: " + message;
}

Tensor read(const std::string& content) {
  const TemporaryFolder folder;
  write_file(folder / "x", content);
  return data::idx(folder / "x");
}

}  // namespace

TEST_CASE("an IDX file is read, plain or compressed, whatever its name") {
  for (const auto& content : {kGood, gzip(kGood)}) {
    const Tensor x = read(content);
    CHECK(x.sizes() == Shape{2, 3});
    CHECK(values<std::uint8_t>(x) == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
  }
}

TEST_CASE("a gzip file of several members is read as one") {
  const Tensor x = read(gzip(kGood.substr(0, 14)) + gzip(kGood.substr(14)));
  CHECK(values<std::uint8_t>(x) == std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("IDX numbers are big-endian") {
  CHECK(values<std::int32_t>(read(bytes({0, 0, 12, 1, 0, 0, 0, 1, 1, 2, 3, 4}))).at(0) ==
        0x01020304);
  CHECK(values<float>(read(bytes({0, 0, 13, 1, 0, 0, 0, 1, 0x3f, 0x80, 0, 0}))).at(0) == 1);
  CHECK(values<double>(read(bytes({0, 0, 14, 1, 0, 0, 0, 1, 0xc0, 0, 0, 0, 0, 0, 0, 0}))).at(0) ==
        -2);
}

TEST_CASE("a size may need all its bytes") {
  const Tensor x = read(bytes({0, 0, 8, 1, 0, 1, 2, 3}) + std::string(0x010203, 'a'));
  CHECK(x.sizes() == Shape{0x010203});
}

TEST_CASE("an IDX file without elements is read") {
  CHECK(read(bytes({0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 3})).sizes() == Shape{0, 3});
}

TEST_CASE("malformed IDX files are refused") {
  const std::string wrong = ": wrong magic number ";
  CHECK(complaint(kGood.substr(0, 3)) ==
        " is truncated: its magic number needs 4 bytes, 3 are there");
  CHECK(complaint("PNG....").starts_with(wrong + "50 4e 47 2e (expected 00 00, a type"));
  CHECK(complaint(bytes({0, 1, 8, 1, 0, 0, 0, 0})).starts_with(wrong + "00 01 08 01"));
  CHECK(complaint(bytes({0, 0, 9, 1, 0, 0, 0, 0})).starts_with(wrong + "00 00 09 01"));
  CHECK(complaint(bytes({0, 0, 8, 0})) == " has 0 dimensions, 1 to 8 are supported");
  CHECK(complaint(bytes({0, 0, 8, 9})) == " has 9 dimensions, 1 to 8 are supported");
  CHECK(complaint(kGood.substr(0, 9)) ==
        " is truncated: its list of sizes needs 4 bytes, 1 are there");
}

TEST_CASE("IDX sizes that overflow are refused before memory is asked for") {
  const std::string huge = bytes({255, 255, 255, 255});
  CHECK(complaint(bytes({0, 0, 14, 3}) + huge + huge + huge) ==
        ": shape [4294967295, 4294967295, 4294967295] has too many elements");
  CHECK(complaint(gzip(bytes({0, 0, 8, 1}) + huge)) ==
        " is truncated: shape [4294967295] needs 4294967295 bytes of data");
}

TEST_CASE("IDX sizes that overflow are refused though one of them is 0") {
  const std::string none = bytes({0, 0, 0, 0}), huge = bytes({255, 255, 255, 255});
  CHECK(complaint(bytes({0, 0, 8, 4}) + none + huge + huge + huge) ==
        ": shape [0, 4294967295, 4294967295, 4294967295] has too many elements");
}

TEST_CASE("damaged gzip data are refused") {
  const std::string good = gzip(kGood);
  const std::string early = " is truncated: its gzip data end early";
  CHECK(complaint(good.substr(0, 5)) == early);
  CHECK(complaint(good.substr(0, good.size() - 9)) == early);
  CHECK(complaint(good.substr(0, good.size() - 1)) == early);
  CHECK(complaint(good + "x") == " has 1 bytes after its gzip data");
  CHECK(complaint(gzip(kGood + "x")) == " has bytes after its data (shape [2, 3])");
  CHECK(complaint(gzip(kGood.substr(0, 15))) ==
        " is truncated: its data needs 6 bytes, 3 are there");
  std::string wrong_sum = good;
  wrong_sum[good.size() - 8] ^= 1;
  CHECK(complaint(wrong_sum) == ": its gzip data are damaged (incorrect data check)");
  std::string wrong_method = good;
  wrong_method[2] = 7;
  CHECK(complaint(wrong_method) == ": its gzip data are damaged (unknown compression method)");
}

TEST_CASE("every cut of a gzip file is refused") {
  const std::string good = gzip(kGood);
  for (std::size_t n = 0; n < good.size(); ++n)
    CHECK(complaint(good.substr(0, n)).find("truncated") != std::string::npos);
}
