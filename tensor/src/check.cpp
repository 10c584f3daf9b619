#include <downhill/tensor/check.h>
#include <fmt/format.h>

namespace downhill::detail {

void throw_error(fmt::string_view format, fmt::format_args args) {
  throw Error(fmt::vformat(format, args));
}
void throw_index_error(fmt::string_view format, fmt::format_args args) {
  throw IndexError(fmt::vformat(format, args));
}

}  // namespace downhill::detail
