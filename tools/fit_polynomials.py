#!/usr/bin/env python3
"""Fits the polynomials of tensor/include/downhill/tensor/vecmath/ and prints their coefficients.

Each fit is a weighted minimax polynomial (Remez exchange on a fixed grid, 60 digits). The weight
turns the polynomial's error into the relative error of the function, so "error" is in bits of the
result: float needs about 25, double about 54. Coefficients are rounded from the lowest power up, and
what is left is fitted again after each, so that the rounded set is nearly as good as the exact one
("rounded" is its error). Not so on intervals around 0, where x^k P(x) has no alternating minimax.

usage: fit_polynomials.py [name ...]      (needs python3-mpmath; all fits take 15 s)
"""
import sys

from mpmath import mp, mpf

mp.dps = 60
PI, LN2, HALF = mp.pi, mp.log(2), mpf(1) / 2


def grid(a, b, n=240):
    """Chebyshev points: dense at the ends, where the error of a minimax fit is steepest."""
    return [(a + b) / 2 - (b - a) / 2 * mp.cos(PI * (i + HALF) / n) for i in range(n)]


def horner(coefs, x):
    value = mpf(0)
    for c in reversed(coefs):
        value = value * x + c
    return value


def exchange(errors, count):
    """Indices of the largest error in each run of one sign, reduced to `count` alternating ones."""
    peaks = []
    for i, e in enumerate(errors):
        if peaks and (errors[peaks[-1]] < 0) == (e < 0):
            if abs(e) > abs(errors[peaks[-1]]):
                peaks[-1] = i
        else:
            peaks.append(i)
    while len(peaks) > count:
        peaks.pop(0 if abs(errors[peaks[0]]) < abs(errors[peaks[-1]]) else -1)
    return peaks


def remez(xs, g, w, terms, first):
    """The minimax x^first * (c0 + c1 x + ...) for the values g under the weights w."""
    n = len(xs)
    ref = [round((n - 1) * (1 - mp.cos(PI * i / terms)) / 2) for i in range(terms + 1)]
    coefs, best = [mpf(0)] * terms, None
    for _ in range(12):
        rows = [[xs[i] ** (first + k) for k in range(terms)] + [(-1) ** j / w[i]]
                for j, i in enumerate(ref)]
        solution = mp.lu_solve(mp.matrix(rows), mp.matrix([g[i] for i in ref]))
        coefs = [solution[k] for k in range(terms)]
        errors = [w[i] * (g[i] - xs[i] ** first * horner(coefs, xs[i])) for i in range(n)]
        worst = max(map(abs, errors))
        if best is None or worst < best[0]:
            best = (worst, coefs)
        peaks = exchange(errors, terms + 1)
        if len(peaks) < terms + 1 or worst < abs(solution[terms]) * mpf("1.001"):
            break
        ref = peaks
    return best[1]


def rounded(c, bits):
    mantissa, exponent = mp.frexp(c)
    return mp.ldexp(mp.nint(mp.ldexp(mantissa, bits)), exponent - bits)


def fit(name, interval, terms, bits, function, weight):
    xs = grid(*map(mpf, interval))
    g, w = [function(x) for x in xs], [weight(x) for x in xs]
    exact = remez(xs, g, w, terms, 0)
    done = [rounded(c, bits) for c in exact]
    if interval[0] > 0:
        left = list(g)
        for k in range(terms):
            done[k] = rounded(remez(xs, left, w, terms - k, k)[0], bits)
            left = [v - done[k] * x**k for v, x in zip(left, xs)]
    error, last = (float(mp.log(max(abs(u * (v - horner(c, x))) for x, v, u in zip(xs, g, w)), 2))
                   for c in (exact, done))
    kind, digits = ("float", 9) if bits == 24 else ("double", 17)
    print(f"{name} {kind}: {terms} terms on [{float(interval[0]):.4g}, {float(interval[1]):.4g}], "
          f"error 2^{error:.1f}, rounded 2^{last:.1f}; highest power first")
    print("  " + ", ".join(mp.nstr(c, digits) for c in reversed(done)), flush=True)


def even(f):
    """A function of z = x * x as a function of x = sqrt(z), away from 0 where it is 0 / 0."""
    return lambda z: f(mp.sqrt(z))


# The largest |s| of log: s = f / (2 + f), 1 + f in [sqrt(1/2), sqrt(2)]
S2 = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)
E = LN2 / 2 * mpf("1.0001")
Q = PI / 4 * mpf("1.0001")
H = PI / 2 * mpf("1.0001")
TINY = mpf("1e-12")
T8 = mp.sqrt(2) - 1  # tan(pi / 8)
ERF_SPLIT, ERF_END = mpf("0.92"), {24: mpf(4), 53: mpf(6)}

# name: (interval, terms by precision, function, weight)
FITS = {
    # exp(r) = 1 + (r + r^2 P(r))
    "exp": ((-E, E), {24: 5, 53: 10}, lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: r**2 / mp.exp(r)),
    # expm1(r) = r + r^2 P(r), relative to itself
    "expm1": ((-E, E), {24: 6, 53: 11}, lambda r: (mp.expm1(r) - r) / r**2,
              lambda r: r**2 / mp.expm1(r)),
    # 2^r = 1 + r P(r)
    "exp2": ((-HALF, HALF), {24: 7, 53: 12}, lambda r: mp.expm1(r * LN2) / r, lambda r: r / 2**r),
    # log(1 + f) = f - f^2/2 + f^3 P(f)
    "log": ((-mpf(1) / 3, mpf(1) / 3), {24: 8}, lambda f: (mp.log1p(f) - f + f * f / 2) / f**3,
            lambda f: f**3 / mp.log1p(f)),
    # log((1 + s) / (1 - s)) = 2 s + s z P(z), z = s^2
    "log_s": ((TINY, S2**2), {53: 7}, even(lambda s: (2 * mp.atanh(s) - 2 * s) / s**3),
              even(lambda s: s**2 / 2)),
    # log((1 + s) / (1 - s)) = 2/3 s (3 + z + z^2 P(z)), for pow
    "log_pow": ((TINY, S2**2), {53: 8}, even(lambda s: (3 * mp.atanh(s) / s - 3 - s**2) / s**4),
                even(lambda s: s**4 / 3)),
    # tanh(x) = x + x z P(z)
    "tanh": ((TINY, mpf("0.55") ** 2), {24: 5, 53: 10}, even(lambda x: (mp.tanh(x) / x - 1) / x**2),
             even(lambda x: x**3 / mp.tanh(x))),
    # sin(r) = r + r z P(z) up to pi / 2
    "sin": ((TINY, H**2), {24: 4, 53: 8}, even(lambda r: (mp.sin(r) / r - 1) / r**2),
            even(lambda r: r**3 / mp.sin(r))),
    # the same up to pi / 4, and cos(r) = 1 - z/2 + z^2 P(z)
    "sin_quarter": ((TINY, Q**2), {24: 3, 53: 6}, even(lambda r: (mp.sin(r) / r - 1) / r**2),
                    even(lambda r: r**3 / mp.sin(r))),
    "cos_quarter": ((TINY, Q**2), {24: 3, 53: 6}, even(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4),
                    even(lambda r: r**4 / mp.cos(r))),
    # atan(t) = t + t z P(z) up to tan(pi / 8)
    "atan": ((TINY, T8**2), {24: 5, 53: 11}, even(lambda t: (mp.atan(t) / t - 1) / t**2),
             even(lambda t: t**3 / mp.atan(t))),
    # erf(x) = x + x P(z)
    "erf": ((TINY, ERF_SPLIT**2), {24: 7, 53: 12}, even(lambda x: mp.erf(x) / x - 1),
            even(lambda x: x / mp.erf(x))),
}


def main():
    wanted = sys.argv[1:]
    for name, (interval, terms, function, weight) in FITS.items():
        if not wanted or name in wanted:
            for bits, n in terms.items():
                fit(name, interval, n, bits, function, weight)
    # erfc(x) = exp(-P(x - 1)), its error relative to erf
    if not wanted or "erfc" in wanted:
        for bits, n in {24: 7, 53: 19}.items():
            fit("erfc", (ERF_SPLIT - 1, ERF_END[bits] - 1), n, bits,
                lambda u: -mp.log(mp.erfc(u + 1)), lambda u: mp.erfc(u + 1) / mp.erf(u + 1))


if __name__ == "__main__":
    main()
