// How often the whole program called operator new.
#pragma once
#include <cstdint>

namespace downhill {
std::int64_t operator_new_calls();
}
