#!/usr/bin/env bash
# What the library costs those who use it and those who change it: `./dev cost`.
#
# Compile times are CPU seconds without a compiler cache. Expects what `./dev test` installs.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
export CCACHE_DISABLE=1 LC_ALL=C OMP_WAIT_POLICY=passive TIMEFORMAT='%R %U'
work=$PWD/build/cost
prefix=$work/prefix
op_object=tensor/CMakeFiles/downhill_tensor.dir/src/ops

measure() {  # COMMAND... -> wall and CPU seconds
  { time "$@" > "$work/log" 2>&1; } 2>&1 || { tail -n 20 "$work/log" >&2; return 1; }
}
wall() { measure "$@" | awk '{ print $1 }'; }
cpu() { measure "$@" | awk '{ print $2 }'; }
row() { printf '%-58s %10s %-4s %s\n' "$@"; }
sum() { awk '{ printf "%.2f", $1 / 1e6 }'; }
bytes() { size -t "$@" | tail -n 1 | awk '{ print $1 + $2 }'; }
compile() { g++ -std=c++20 -O2 -I "$prefix/include" -c "$1" -o "$work/user.o"; }
build_and_test() {
  cmake --build "$work/dev" && ctest --test-dir "$work/dev" -L unit -j "$(nproc)"
}
start_50_times() {
  for _ in {1..50}; do "$work/start" || return 1; done
}

rm -rf "$work" && mkdir -p "$work"
row 'what' 'measured' '' 'aim'

cmake --preset dev -B "$work/dev" --log-level=WARNING > /dev/null
value=$(wall build_and_test)
row "full build and unit tests, $(nproc) cores" "$value" s '< 300'
rm "$work/dev/$op_object/unary.cpp.o"
value=$(wall build_and_test)
row 'the same after a change in one op file' "$value" s '< 60'

cmake --preset release -B "$work/release" -DDOWNHILL_BUILD_TESTS=OFF -DDOWNHILL_BUILD_EXAMPLES=OFF \
  -DDOWNHILL_BUILD_BENCHMARKS=OFF --log-level=WARNING > /dev/null
cmake --build "$work/release" > /dev/null
cmake --install "$work/release" --prefix "$prefix" > /dev/null
value=$(cat "$prefix"/lib*/*.a | wc -c | sum)
row 'installed static libraries, with their symbol tables' "$value" MB ''
value=$(bytes "$prefix"/lib*/*.a | sum)
row 'their code and data' "$value" MB '< 6'
value=$(find "$prefix/include" -type f -exec cat {} + | wc -c | sum)
row 'installed headers' "$value" MB ''

echo '#include <downhill/tensor.h>' > "$work/tensor.cpp"
value=$(cpu compile "$work/tensor.cpp")
row 'CPU to compile <downhill/tensor.h> alone, -O2' "$value" s '< 0.9'
value=$(cpu compile tests/consumer/find_package/main.cpp)
row 'CPU to compile a training script, -O2' "$value" s '< 2'

cat > "$work/start.cpp" << 'EOF'
#include <downhill/downhill.h>
int main() { return downhill::ones({2, 2}).sum().item<int>() == 4 ? 0 : 1; }
EOF
read -ra flags < <(PKG_CONFIG_PATH=$(echo "$prefix"/lib*/pkgconfig) pkg-config --cflags --libs downhill)
g++ -std=c++20 -O2 "$work/start.cpp" "${flags[@]}" -o "$work/start"
value=$(wall start_50_times)
row 'starting a program (mean of 50)' "$(awk -v s="$value" 'BEGIN { printf "%.1f", s * 20 }')" ms '< 8'

echo
row 'op file' 'CPU s' '' 'bytes of code and data'
for file in tensor/src/ops/*.cpp; do
  object=$op_object/${file##*/}.o
  command=$(ninja -C "$work/release" -t commands "$object" | tail -n 1)
  value=$(cd "$work/release" && cpu bash -c "$command")
  row "$file" "$value" '' "$(bytes "$work/release/$object")"
done
row 'all layers' '' '' "$(bytes "$prefix"/lib*/*.a)"
