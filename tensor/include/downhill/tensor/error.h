// What the library throws.
#pragma once
#include <stdexcept>

#pragma GCC visibility push(default)
namespace downhill {

/// Every error of the library: what() reads "op: rule that was broken (the values)". A call that
/// throws leaves what it was given as it was, unless its declaration says otherwise.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// An index or dimension out of range.
class IndexError : public Error {
 public:
  using Error::Error;
};

}  // namespace downhill
#pragma GCC visibility pop
