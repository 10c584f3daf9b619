// Named tensors, and files of them in the safetensors format.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <downhill/tensor/tensor.h>

#pragma GCC visibility push(default)
namespace downhill {

/// Names and tensors in the order of insertion; a name occurs once.
class StateDict {
 public:
  using Item = std::pair<std::string, Tensor>;
  StateDict() = default;
  StateDict(std::initializer_list<Item> items);
  StateDict(const std::map<std::string, Tensor>& items);

  /// Throws Error for a name that is there already.
  void insert(std::string name, Tensor value);
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws Error for a name that is missing.
  const Tensor& at(std::string_view name) const;
  /// Null for a name that is missing.
  const Tensor* find(std::string_view name) const;
  /// Inserts other's items with the prefix before their names.
  void merge(std::string_view prefix, const StateDict& other);
  /// The items whose names begin with the prefix, without it.
  StateDict under(std::string_view prefix) const;
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }

 private:
  std::vector<Item> items_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

/// Writes a safetensors file (https://huggingface.co/docs/safetensors): 8 bytes header length,
/// little-endian; a JSON header {"name": {"dtype", "shape", "data_offsets"}}, padded with spaces to
/// a multiple of 8; the elements, row-major, those of larger dtypes first so that all are aligned.
/// The same tensors give the same bytes. The file is written under a temporary name in the same
/// folder, synced and renamed, so `path` never holds half of it. Throws Error naming the path where
/// that fails, and for undefined tensors and names that are not UTF-8 or "__metadata__".
void save(const StateDict& tensors, const std::string& path);
/// Reads one, in the order of its header; __metadata__ is checked and dropped. Throws Error naming
/// the path and what is wrong with the file: it is refused as a whole unless the header is
/// well-formed, every dtype is one of F32 F64 I64 I32 U8 BOOL, and the tensors cover the data
/// without holes, overlaps or a rest.
StateDict load(const std::string& path);

}  // namespace downhill
#pragma GCC visibility pop
