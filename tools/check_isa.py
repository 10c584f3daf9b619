#!/usr/bin/env python3
"""Checks that no object holds a shared function compiled for a newer processor.

    check_isa.py OBJECT_OR_ARCHIVE...

Kernels are compiled for three x86-64 levels inside ordinary objects
(tensor/include/downhill/tensor/isa.h). That is safe as long as newer instructions (AVX and later,
and the bit instructions of AVX2's time) stay inside functions named kernel_v3 or kernel_v4. Any
other weak or global function that holds one is a leak: the linker keeps one copy of a weak function
for the whole program, and a program on an older processor would call the newer one.

Local functions cannot be picked by the linker, so those made of kernels (.cold, .part, .constprop,
lambdas) are only counted. Static initialisers run on every processor, so they count as leaks.

Prints the number and the bytes of kernels per level, and the leaks; ends with 1 if there is one, 2
if a file cannot be read.
"""
import re
import subprocess
import sys
from collections import defaultdict

# A mnemonic that starts with v is AVX, except a few old system instructions; k is an AVX-512 mask instruction.
NEWER = re.compile(
    r"v(?!er[rw]$|m(call|mcall|run|load|save|func|read|write|launch|resume|clear|ptr|x))\w+"
    r"|k(?:mov|and|andn|or|xor|xnor|not|add|test|ortest|shift[lr]|unpck)[a-z]+"
    r"|andn|bextr|bls[ir]|blsmsk|bzhi|mulx|pdep|pext|rorx|s[ah][lr]x|lzcnt|popcnt|movbe"
)
MEMBER = re.compile(r"^(.*):\s+file format (\S+)$")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\t(?:(?:lock|rep|repz|repnz|notrack|data16|bnd) )*(\S+)")
LEVELS = ("kernel_base", "kernel_v3", "kernel_v4")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        sys.exit(2)
    return done.stdout


def newer_functions(path):
    """(member, name) -> the first newer instruction in it."""
    found, member, name = {}, "", ""
    command = ["objdump", "-d", "--no-show-raw-insn", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as objdump:
        for line in objdump.stdout:
            if m := INSTRUCTION.match(line):
                if (member, name) not in found and NEWER.fullmatch(m[1]):
                    found[member, name] = line.split("\t", 1)[1].strip()
            elif m := FUNCTION.match(line):
                name = m[1]
            elif m := MEMBER.match(line):
                member = m[1].rsplit("/", 1)[-1]
                if m[2] != "elf64-x86-64":
                    print(f"{path}: {m[2]}, nothing to check")
                    sys.exit(0)
        if objdump.wait() != 0:
            sys.exit(2)
    return found


def functions(path):
    """Yields member, name, binding, bytes for every function; binding is nm's letter."""
    member = path.rsplit("/", 1)[-1]
    for line in run("nm", "--defined-only", "-S", path).splitlines():
        fields = line.split(maxsplit=3)
        if line.endswith(":"):
            member = line[:-1].rsplit("/", 1)[-1]
        elif len(fields) == 4 and fields[2] in "tTwWVu":
            yield member, fields[3], fields[2], int(fields[1], 16)


def demangle(names):
    done = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True)
    return dict(zip(names, done.stdout.splitlines()))


def level_of(demangled):
    return next((level for level in LEVELS if level in demangled), None)


def main(paths):
    leaks, local = [], []
    count, size = defaultdict(int), defaultdict(int)
    for path in paths:
        newer = newer_functions(path)
        symbols = list(functions(path))
        plain = demangle(sorted({name for _, name, _, _ in symbols}))
        for member, name, binding, bytes_ in symbols:
            level = level_of(plain[name])
            if level:
                count[level] += binding != "t"
                size[level] += bytes_
            if (member, name) not in newer or level in ("kernel_v3", "kernel_v4"):
                continue
            is_leak = binding != "t" or name.startswith("_GLOBAL__")
            (leaks if is_leak else local).append((member, plain[name], newer[member, name]))
    for level in LEVELS:
        print(f"{level:12} {count[level]:6} kernels {size[level]:10} bytes")
    print(f"{len(local)} local functions with newer instructions, {len(leaks)} leaks")
    for member, name, instruction in leaks:
        print(f"LEAK {member}: {name}\n     {instruction}")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
