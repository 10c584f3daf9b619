// Tables of mistakes: what each says, word for word, and that it changed nothing it was given.
#pragma once
#include <doctest/doctest.h>
#include <downhill/tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace mistakes {

using Tensors = std::vector<downhill::Tensor>;
using In = const Tensors&;

struct Row {
  std::string mistake;
  Tensors given;  ///< to `make`, which must leave values, versions and gradients as they are
  std::function<void(In)> make;
  std::string message;
  /// What else must stay as it is: the state of a module or an optimizer.
  std::function<downhill::StateDict()> state = {};
};

/// All that can be seen of a tensor, as text that equals another's where nothing differs.
inline std::string look(const downhill::Tensor& x) {
  if (!x.defined()) return "undefined";
  const downhill::NoGradGuard guard;
  const downhill::Tensor dense = x.detach().contiguous();
  const auto bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  return fmt::format("{} {} version {} requires_grad {} elements {} grad {}", x.sizes(),
                     name_of(x.dtype()), x.version(), x.requires_grad(),
                     std::string(static_cast<const char*>(dense.data_ptr()), bytes),
                     x.requires_grad() ? look(x.grad()) : "");
}

inline std::string look(const Row& row) {
  std::string text;
  for (const downhill::Tensor& x : row.given) text += look(x) + '\n';
  if (!row.state) return text;
  for (const auto& [name, x] : row.state()) text += name + ": " + look(x) + '\n';
  return text;
}

template <class Expected> std::string message_of(const Row& row) {
  try {
    row.make(row.given);
  } catch (const Expected& e) { return e.what(); } catch (const std::exception& e) {
    return std::string("another exception: ") + e.what();
  }
  return "no exception";
}

/// Makes every mistake, each of which throws Expected. Where `folder` occurs in a message it is
/// written "FOLDER" in the table.
template <class Expected = downhill::Error>
void check_rows(const std::vector<Row>& rows, const std::string& folder = {}) {
  for (const Row& row : rows) {
    CAPTURE(row.mistake);
    const std::string before = look(row);
    std::string message = message_of<Expected>(row);
    for (auto at = message.find(folder); !folder.empty() && at != message.npos;
         at = message.find(folder, at))
      message.replace(at, folder.size(), "FOLDER");
    CHECK(message == row.message);
    CHECK_MESSAGE(look(row) == before, "it changed what it was given");
  }
}

}  // namespace mistakes
