#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <downhill/tensor/isa.h>

using namespace downhill;

namespace {
constexpr const char* kNames[] = {"baseline", "v3", "v4"};
}

TEST_CASE("DOWNHILL_ISA lowers the level, and nothing else does") {
  const char* text = std::getenv("DOWNHILL_ISA");
  const std::string wanted = text ? text : "v4";
  const Isa level = isa(), best = set_max_isa(Isa::v4);
  set_max_isa(level);
  const std::string name = kNames[static_cast<int>(level)];
  MESSAGE("instruction set: ", name);
  if (level < best) CHECK(name == wanted);
  else CHECK(kNames[static_cast<int>(best)] <= wanted);
}

TEST_CASE("the level can be lowered, and raised again to what the processor has") {
  const Isa level = isa();
  CHECK(set_max_isa(Isa::baseline) == Isa::baseline);
  CHECK(isa() == Isa::baseline);
  CHECK(set_max_isa(level) == level);
}
