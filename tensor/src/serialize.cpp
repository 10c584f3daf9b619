#include <downhill/tensor/serialize.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include <downhill/tensor/check.h>
#include <downhill/tensor/factory.h>
#include <downhill/tensor/format.h>
#include <downhill/tensor/graph.h>
#include <downhill/tensor/ops.h>
#include "file.h"

namespace downhill {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::uint64_t kMaxHeader = 100'000'000, kLengthBytes = 8, kZipMagic = 0x04034b50;
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::pair<std::string_view, DType> kDTypes[] = {{"F32", kFloat32}, {"F64", kFloat64},
                                                          {"I64", kInt64},   {"I32", kInt32},
                                                          {"U8", kUInt8},    {"BOOL", kBool}};

struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin, end;
};

/// Refuses what json::parse would accept: a key that occurs twice, and deep nesting. Notes the
/// outermost keys in order.
class HeaderGuard : public nlohmann::json_sax<json> {
 public:
  explicit HeaderGuard(const std::string& path) : path_(path) {}
  std::vector<std::string> names;

  bool key(string_t& key) override {
    check(keys_.back().insert(key).second, "load: '{}': the key '{}' occurs twice", path_, key);
    if (keys_.size() == 1) names.push_back(key);
    return true;
  }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(std::size_t, const std::string&, const json::exception& e) override {
    fail("load: '{}': the header is not JSON ({})", path_, e.what());
  }

 private:
  bool open() {
    keys_.emplace_back();
    check(keys_.size() <= 3, "load: '{}': the header is nested too deeply", path_);
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& path_;
  std::vector<std::set<std::string>> keys_;
};

/// The header of one file; its functions throw Errors that name the file.
class Header {
 public:
  Header(const std::string& path, const std::string& text) : path_(path) {
    check(text.starts_with('{'), "load: '{}': the header does not begin with '{{'", path_);
    check(text.find('\0') == text.npos, "load: '{}': the header is not JSON (it holds a zero byte)",
          path_);
    HeaderGuard guard(path_);
    json::sax_parse(text, &guard);
    const json root = json::parse(text);
    for (const auto& name : guard.names) {
      if (name == kMetadata) check_metadata(root[name]);
      else entries.push_back(entry(name, root[name]));
    }
  }

  /// Throws unless the entries tile `bytes` bytes.
  void check_tiling(std::uint64_t bytes) const {
    std::vector<const Entry*> order;
    for (const Entry& e : entries) order.push_back(&e);
    std::ranges::sort(order, {}, [](const Entry* e) { return std::pair(e->begin, e->end); });
    std::uint64_t expected = 0;
    for (const Entry* e : order) {
      check(e->begin == expected, "load: '{}': '{}' begins at byte {}, not at {} ({})", path_,
            e->name, e->begin, expected, e->begin < expected ? "an overlap" : "a hole");
      expected = e->end;
    }
    check(expected <= bytes, "load: '{}' is truncated: its tensors have {} bytes, {} are there",
          path_, expected, bytes);
    check(expected == bytes, "load: '{}' has {} bytes after its last tensor", path_,
          bytes - expected);
  }

  std::vector<Entry> entries;

 private:
  void check_metadata(const json& value) const {
    const bool strings = value.is_object() && std::ranges::all_of(value, &json::is_string);
    check(strings, "load: '{}': __metadata__ is not a map of strings", path_);
  }

  Entry entry(const std::string& name, const json& value) const {
    check(value.is_object(), "load: '{}': '{}' is not an object", path_, name);
    for (const auto& [key, unused] : value.items())
      check(key == "dtype" || key == "shape" || key == "data_offsets",
            "load: '{}': '{}' has the unknown key '{}'", path_, name, key);
    const auto offsets = numbers(name, value, "data_offsets");
    check(offsets.size() == 2 && offsets[0] <= offsets[1],
          "load: '{}': '{}' needs data_offsets [begin, end]", path_, name);
    Entry e{name, dtype(name, value), shape(name, value), offsets[0], offsets[1]};
    check_size(e);
    return e;
  }

  const json& member(const std::string& name, const json& value, const char* key) const {
    const auto found = value.find(key);
    check(found != value.end(), "load: '{}': '{}' has no {}", path_, name, key);
    return *found;
  }

  DType dtype(const std::string& name, const json& value) const {
    const json& text = member(name, value, "dtype");
    for (const auto& [known, dtype] : kDTypes)
      if (text == known) return dtype;
    fail("load: '{}': '{}' has the unknown dtype {} (known: F32 F64 I64 I32 U8 BOOL)", path_, name,
         text.dump());
  }

  std::vector<std::uint64_t> numbers(const std::string& name, const json& value,
                                     const char* key) const {
    const json& list = member(name, value, key);
    const bool ok = list.is_array() && std::ranges::all_of(list, &json::is_number_unsigned);
    check(ok, "load: '{}': '{}' needs a list of non-negative integers as {}", path_, name, key);
    return list.get<std::vector<std::uint64_t>>();
  }

  Shape shape(const std::string& name, const json& value) const {
    const auto sizes = numbers(name, value, "shape");
    check(sizes.size() <= kMaxDims, "load: '{}': '{}' has {} dimensions, at most {} are supported",
          path_, name, sizes.size(), kMaxDims);
    Shape s;
    std::uint64_t product = 1;
    bool overflow = false;
    for (const std::uint64_t n : sizes) {
      overflow |= __builtin_mul_overflow(product, std::max<std::uint64_t>(n, 1), &product);
      s.push_back(static_cast<std::int64_t>(n));
    }
    check(!overflow && product < std::uint64_t(1) << 59,
          "load: '{}': '{}' has too many elements (shape {})", path_, name, json(sizes).dump());
    return s;
  }

  void check_size(const Entry& e) const {
    const auto numel = static_cast<std::uint64_t>(detail::checked_numel("load", e.shape));
    const std::uint64_t needed = numel * size_of(e.dtype);
    check(e.end - e.begin == needed,
          "load: '{}': '{}' of shape {} and dtype {} has {} bytes, its data_offsets hold {}", path_,
          e.name, e.shape, name_of(e.dtype), needed, e.end - e.begin);
  }

  const std::string& path_;
};

std::string read_header(const detail::InputFile& file, const std::string& path) {
  check(file.size() >= kLengthBytes, "load: '{}' is truncated: {} bytes, no header length", path,
        file.size());
  std::uint64_t length;
  file.read(&length, kLengthBytes, 0);
  const bool zip = (length & 0xffffffff) == kZipMagic && length > kMaxHeader;
  check(!zip, "load: '{}' is a zip archive, as torch.save writes them, not a safetensors file",
        path);
  check(length <= kMaxHeader,
        "load: '{}': a header of {} bytes, at most {} are allowed; is it a safetensors file?", path,
        length, kMaxHeader);
  check(length <= file.size() - kLengthBytes,
        "load: '{}' is truncated: its header has {} bytes, {} are there", path, length,
        file.size() - kLengthBytes);
  std::string text(length, ' ');
  file.read(text.data(), length, kLengthBytes);
  return text;
}

void check_bools(const Tensor& x, const std::string& name, const std::string& path) {
  const auto* bytes = static_cast<const std::uint8_t*>(x.data_ptr());
  const bool ok = std::all_of(bytes, bytes + x.numel(), [](std::uint8_t b) { return b <= 1; });
  check(ok, "load: '{}': '{}' is BOOL but holds a byte other than 0 and 1", path, name);
}

std::string_view file_dtype(DType t) {
  return std::ranges::find(kDTypes, t, &std::pair<std::string_view, DType>::second)->first;
}

std::string quoted(const std::string& name, const std::string& path) {
  try {
    return json(name).dump();
  } catch (const json::exception&) { fail("save: '{}': a name is not UTF-8", path); }
}

std::vector<StateDict::Item> contiguous(const StateDict& tensors, const std::string& path) {
  const NoGradGuard guard;
  std::vector<StateDict::Item> r;
  for (const auto& [name, value] : tensors) {
    check(name != kMetadata, "save: '{}': {} is no name for a tensor", path, kMetadata);
    check(value.defined(), "save: '{}': '{}' is undefined", path, name);
    r.emplace_back(name, value.contiguous());
  }
  return r;
}

std::uint64_t bytes_of(const Tensor& x) {
  return static_cast<std::uint64_t>(x.numel()) * size_of(x.dtype());
}

/// Where each tensor's data begins: those of larger dtypes first.
std::vector<std::uint64_t> place(const std::vector<StateDict::Item>& items,
                                 std::vector<detail::Bytes>& parts) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::ranges::stable_sort(order, std::greater(),
                           [&](std::size_t i) { return size_of(items[i].second.dtype()); });
  std::vector<std::uint64_t> begins(items.size());
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const Tensor& x = items[i].second;
    begins[i] = std::exchange(end, end + bytes_of(x));
    parts.push_back({x.data_ptr(), bytes_of(x)});
  }
  return begins;
}

std::string describe(const StateDict::Item& item, std::uint64_t begin, const std::string& path) {
  const auto& [name, x] = item;
  const auto sizes = x.sizes().vec();
  return fmt::format(R"({}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", quoted(name, path),
                     file_dtype(x.dtype()), json(sizes).dump(), begin, begin + bytes_of(x));
}

}  // namespace

void save(const StateDict& tensors, const std::string& path) {
  const auto items = contiguous(tensors, path);
  std::vector<detail::Bytes> parts(2);
  const auto begins = place(items, parts);
  std::string header = "{";
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) header += ',';
    header += describe(items[i], begins[i], path);
  }
  header += '}';
  header.resize((header.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = header.size();
  check(length <= kMaxHeader, "save: '{}': a header of {} bytes, at most {} are allowed", path,
        length, kMaxHeader);
  parts[0] = {&length, kLengthBytes};
  parts[1] = {header.data(), header.size()};
  detail::replace_file("save", path, parts);
}

StateDict load(const std::string& path) {
  const detail::InputFile file("load", path);
  const std::string text = read_header(file, path);
  const Header header(path, text);
  const std::uint64_t data = kLengthBytes + text.size();
  header.check_tiling(file.size() - data);
  StateDict r;
  for (const Entry& e : header.entries) {
    const Tensor x = empty(e.shape, e.dtype);
    file.read(x.data_ptr(), e.end - e.begin, data + e.begin);
    if (e.dtype == kBool) check_bools(x, e.name, path);
    r.insert(e.name, x);
  }
  return r;
}

}  // namespace downhill
