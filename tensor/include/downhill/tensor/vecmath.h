// Elementary functions on Real<float> and Real<double>, and what makes sense of them on
// Real<int64_t>.
//
// Every function is branch-free arithmetic, so that a loop over it is vectorised for any
// instruction set. Largest errors found, in units in the last place (ulp), at any instruction set:
//
//   float   exp 0.9  exp2 0.6  expm1 1.2  log 0.9  log2 0.7  log10 0.8  log1p 1.2  tanh 1.4
//           sigmoid 1.6  softplus 1.7  sin 1.5  cos 1.5  tan 2.2  atan 1.3  erf 1.3  pow 0.6
//   double  exp 0.9  exp2 0.8  expm1 1.2  log 0.9  log2 0.7  log10 0.8  log1p 1.2  tanh 1.4
//           sigmoid 1.6  softplus 1.7  sin 1.5  cos 1.5  tan 2.2  atan 1.3  erf 1.3  pow 1.2
//
// Special values (nan, infinities, both zeros, subnormal inputs and results) are as in C99, Annex
// F. sin, cos and tan keep their accuracy up to |x| = 3e9 and are nan beyond. The results may
// differ in the last bits between instruction sets: some have a fused multiply-add. Polynomials are
// from tools/fit_polynomials.py. Needs round to nearest; never build with -ffast-math.
#pragma once
#include <downhill/tensor/vecmath/basic.h>
#include <downhill/tensor/vecmath/exp_log.h>
#include <downhill/tensor/vecmath/pow.h>
#include <downhill/tensor/vecmath/trig.h>
