// The reductions' ops; reduce.cpp has their rules, reduce_samples.cpp their samples.
#pragma once
#include "families.h"
#include "ops/sample.h"
#include "reduce_loops.h"

namespace downhill::detail {

struct ReduceOp {
  using Family = ReduceOps;
  static constexpr int inputs = 1;
};

struct Sum : ReduceOp {
  static constexpr std::string_view name = "sum";
  struct Values {
    Shape size;
    unsigned mask;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct Mean : ReduceOp {
  static constexpr std::string_view name = "mean";
  struct Values {
    Shape size;
    unsigned mask;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct SumTo : ReduceOp {
  static constexpr std::string_view name = "sum_to";
  struct Values {
    Shape size;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Extreme : ReduceOp {
  struct Values {
    Saved x, y;
    unsigned mask;
  };
  static void vjp(Backward& b, const Values& v);
};
struct Amax : Extreme {
  static constexpr std::string_view name = "amax";
  static constexpr Fold fold = Fold::max;
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct Amin : Extreme {
  static constexpr std::string_view name = "amin";
  static constexpr Fold fold = Fold::min;
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct Aminmax : ReduceOp {
  static constexpr std::string_view name = "aminmax";
  static constexpr int outputs = 2;
  struct Values {
    Saved x, min, max;
    unsigned mask;
  };
  static void vjp(Backward& b, const Values& v);
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct ExtremeAlong : ReduceOp {
  struct Values {
    Saved index;
    Shape size;
    int dim;
  };
  static void vjp(Backward& b, const Values& v);
};
struct MaxAlong : ExtremeAlong {
  static constexpr std::string_view name = "max";
  using Join = MaxFold;
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};
struct MinAlong : ExtremeAlong {
  static constexpr std::string_view name = "min";
  using Join = MinFold;
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

struct Argmax {
  static constexpr std::string_view name = "argmax";
  static constexpr bool differentiable = false;
  static std::vector<Sample> samples();
  static std::vector<BadSample> bad_samples();
};

}  // namespace downhill::detail
