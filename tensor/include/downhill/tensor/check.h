// Checks with formatted messages. Not part of the umbrella header: it is for code that writes ops
// and layers.
#pragma once
#include <fmt/core.h>

#include <downhill/tensor/error.h>
#include <downhill/tensor/format.h>

#pragma GCC visibility push(default)
namespace downhill {

namespace detail {
[[noreturn]] void throw_error(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_index_error(fmt::string_view format, fmt::format_args args);
}  // namespace detail

/// Throws Error with the formatted message.
template <class... A>
[[noreturn, gnu::noinline, gnu::cold]] void fail(fmt::format_string<const A&...> format,
                                                 const A&... args) {
  detail::throw_error(format, fmt::make_format_args(args...));
}
template <class... A>
[[noreturn, gnu::noinline, gnu::cold]] void fail_index(fmt::format_string<const A&...> format,
                                                       const A&... args) {
  detail::throw_index_error(format, fmt::make_format_args(args...));
}

/// Throws Error with the formatted message unless `ok`. The arguments are evaluated either way:
/// keep them cheap.
template <class... A>
inline void check(bool ok, fmt::format_string<const A&...> format, const A&... args) {
  if (!ok) [[unlikely]]
    fail<A...>(format, args...);
}
template <class... A>
inline void check_index(bool ok, fmt::format_string<const A&...> format, const A&... args) {
  if (!ok) [[unlikely]]
    fail_index<A...>(format, args...);
}

}  // namespace downhill
#pragma GCC visibility pop
