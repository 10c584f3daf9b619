// Elementary functions on Real<float>, Real<double> and, where that makes sense, Real<int64_t>.
//
// Every function is branch-free arithmetic, so that a loop over it is vectorised for any
// instruction set. Largest errors in units in the last place (ulp), float and double, any
// instruction set:
//
//   exp 1.1  exp2 1.2  expm1 1.4  log 1.0  log2 1.4  log10 1.3  log1p 1.7  tanh 1.5  sigmoid 1.8
//   softplus 1.9  sin, cos 2.0  tan 3.0  atan 2.3  erf 1.1  pow 1.4 (float 0.6)
//
// Special values (nan, infinities, both zeros, subnormal inputs and results) are as in C99, Annex
// F. sin, cos and tan keep their accuracy up to |x| = 3e9 and are nan beyond. Results may differ in
// the last bits between instruction sets, since some have a fused multiply-add. The polynomials are
// from tools/fit_polynomials.py. Needs round to nearest; never build with -ffast-math.
#pragma once
#include <downhill/tensor/vecmath/basic.h>
#include <downhill/tensor/vecmath/exp_log.h>
#include <downhill/tensor/vecmath/pow.h>
#include <downhill/tensor/vecmath/trig.h>
