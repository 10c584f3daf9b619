#!/usr/bin/env bash
# What the library costs those who use it and those who change it: `./dev cost`.
#
# Compile times are CPU seconds without a compiler cache. Expects what `./dev test` installs.
set -euo pipefail
cd "$(dirname "$0")/.."
export CCACHE_DISABLE=1 OMP_WAIT_POLICY=passive TIMEFORMAT='%R %U'
work=$PWD/build/cost
prefix=$work/prefix

measure() {  # COMMAND... -> wall and CPU seconds
  { time "$@" > "$work/log" 2>&1; } 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
}
row() { printf '%-58s %10s %-4s %s\n' "$@"; }
wall() { measure "$@" | awk '{ print $1 }'; }
cpu() { measure "$@" | awk '{ print $2 }'; }
bytes() { size -t "$@" | tail -n 1 | awk '{ print $1 + $2 }'; }
compile() { g++ -std=c++20 -O2 -I "$prefix/include" -c "$1" -o "$work/user.o"; }

build() { cmake --build "$work/dev"; }
unit_tests() { ctest --test-dir "$work/dev" -L unit -j "$(nproc)"; }
build_and_test() { build && unit_tests; }
start_50_times() { for _ in {1..50}; do "$work/start"; done; }

rm -rf "$work" && mkdir -p "$work"
row 'what' 'measured' '' 'aim'

cmake --preset dev -B "$work/dev" --log-level=WARNING > /dev/null
row "full build and unit tests, $(nproc) cores" "$(wall build_and_test)" s '< 300'
touch tensor/src/ops/unary.cpp
row 'the same after touching one op file' "$(wall build_and_test)" s '< 60'

cmake --preset release -B "$work/release" -DDOWNHILL_BUILD_TESTS=OFF -DDOWNHILL_BUILD_EXAMPLES=OFF \
  -DDOWNHILL_BUILD_BENCHMARKS=OFF --log-level=WARNING > /dev/null
cmake --build "$work/release" > /dev/null
cmake --install "$work/release" --prefix "$prefix" > /dev/null
row 'installed libraries' "$(cat "$prefix"/lib*/*.a | wc -c | awk '{ printf "%.2f", $1 / 1e6 }')" MB '< 6'
row 'installed headers' \
  "$(find "$prefix/include" -type f -exec cat {} + | wc -c | awk '{ printf "%.2f", $1 / 1e6 }')" MB ''

echo '#include <downhill/tensor.h>' > "$work/tensor.cpp"
row 'compiling <downhill/tensor.h> alone, -O2' "$(cpu compile "$work/tensor.cpp")" s '< 0.9'
row 'compiling a training script, -O2' \
  "$(cpu compile tests/consumer/find_package/main.cpp)" s '< 2'

cat > "$work/start.cpp" << 'EOF'
#include <downhill/downhill.h>
int main() { return downhill::ones({2, 2}).sum().item<int>() == 4 ? 0 : 1; }
EOF
g++ -std=c++20 -O2 "$work/start.cpp" \
  $(PKG_CONFIG_PATH=$(echo "$prefix"/lib*/pkgconfig) pkg-config --cflags --libs downhill) -o "$work/start"
row 'starting a program (mean of 50)' \
  "$(wall start_50_times | awk '{ printf "%.1f", $1 * 1000 / 50 }')" ms '< 8'

echo
row 'op file' 'CPU s' '' 'bytes of code and data'
for file in tensor/src/ops/*.cpp; do
  object=tensor/CMakeFiles/downhill_tensor.dir/${file#tensor/}.o
  command=$(ninja -C "$work/release" -t commands "$object" | tail -n 1)
  row "$file" "$(cd "$work/release" && cpu bash -c "$command")" '' "$(bytes "$work/release/$object")"
done
row 'all layers' '' '' "$(bytes "$prefix"/lib*/*.a)"
