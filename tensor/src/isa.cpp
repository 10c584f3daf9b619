#include <downhill/tensor/isa.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace downhill {
namespace {

Isa best_of_processor() {
#if DOWNHILL_LEVELS == 3
  auto all = [](auto... has) { return (has && ...); };
  __builtin_cpu_init();
  const bool v3 = all(__builtin_cpu_supports("avx2"), __builtin_cpu_supports("fma"),
                      __builtin_cpu_supports("bmi"), __builtin_cpu_supports("bmi2"),
                      __builtin_cpu_supports("popcnt"));
  const bool v4 = all(__builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bw"),
                      __builtin_cpu_supports("avx512dq"), __builtin_cpu_supports("avx512vl"),
                      __builtin_cpu_supports("avx512cd"));
  return v3 && v4 ? Isa::v4 : v3 ? Isa::v3 : Isa::baseline;
#else
  return Isa::baseline;
#endif
}

Isa capped_by_environment() {
  const char* text = std::getenv("DOWNHILL_ISA");
  const std::string_view cap = text ? text : "";
  const Isa wanted = cap == "baseline" ? Isa::baseline : cap == "v3" ? Isa::v3 : Isa::v4;
  return std::min(best_of_processor(), wanted);
}

}  // namespace

namespace detail {
int isa_level = static_cast<int>(capped_by_environment());
}

Isa isa() { return static_cast<Isa>(detail::isa_level); }

Isa set_max_isa(Isa level) {
  detail::isa_level = static_cast<int>(std::min(best_of_processor(), level));
  return isa();
}

}  // namespace downhill
