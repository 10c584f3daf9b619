#!/usr/bin/env python3
"""Prints how large each room is, and ends with 1 if a file, a function or a line is too large.

    check_sizes.py FOLDER...

Budgets: files of 400 lines, functions of 40 lines, lines of 100 columns. The median function of a
room is printed beside 8, which is what we aim at. Functions are found by the layout that
clang-format gives them: a head that ends with "{", closed by a "}" in the head's column. Tables are
data: a function that is mostly one list of rows may be long.
"""
import re
import statistics
import sys
from pathlib import Path

FILE, FUNCTION, LINE, MEDIAN = 400, 40, 100, 8
# Heads that open something else than a function body.
OTHER = re.compile(
    r"^(?:\} )?(?:namespace|struct|class|union|enum|extern|if|else|for|while|do|switch|try|catch|return|case|default)\b"
    r"|^(?:template <.*> )?(?:struct|class)\b|^#|^\}|=\s*\{$|^\{$|\]\s*\{$"
)
ONE_LINE = re.compile(r"^ *(?!if|for|while|switch|else|return|struct|\}|#)[\w:<>&*,~ \[\].]*\w\(.*\)[\w ]*\{.*\}$")
TABLE = re.compile(r"return \{$|check_rows(<\w+>)?\(\{?$|(const )?std::vector<Row> rows = \{$|const std::vector<Row> rows\{$")
SUFFIXES = (".h", ".cpp")


def indent(line):
    return len(line) - len(line.lstrip(" "))


def head_of(lines, last):
    """The statement that ends on this line, joined, and the index of its first line."""
    first = last
    while first > 0 and re.search(r"[,(<:?&|=+]$|\boperator$", lines[first - 1].rstrip()):
        first -= 1
    while first > 0 and indent(lines[first]) > 0 and lines[first - 1].strip() and \
            indent(lines[first]) >= indent(lines[first - 1]) + 4:
        first -= 1
    return " ".join(line.strip() for line in lines[first:last + 1]), first


def functions(lines):
    """Yields (first line number, number of lines, is a table) of every function body."""
    for i, line in enumerate(lines):
        if ONE_LINE.match(line):
            yield i + 1, 1, False
        if not line.rstrip().endswith("{") or "](" in line or "//" in line:
            continue
        head, first = head_of(lines, i)
        if OTHER.search(head) or ")" not in head or ";" in head:
            continue
        end = next((k for k in range(i + 1, len(lines))
                    if lines[k].startswith(" " * indent(lines[first]) + "}")), None)
        if end is not None:
            yield first + 1, end - i + 1, is_table(lines[i + 1:end], indent(lines[first]) + 2)


def is_table(body, column):
    """Whether most of the body is one list of rows: returned, checked or named."""
    starts = [k for k, line in enumerate(body) if TABLE.match(line, column)
              and not line[:column].strip()]
    ends = starts[1:] + [len(body)]
    return bool(starts) and max(e - s for s, e in zip(starts, ends)) > 0.5 * len(body)


def main(folders):
    broken = []
    print(f"{'room':24} {'files':>5} {'lines':>7} {'functions':>9} {'median':>6} {'longest':>7}")
    for folder in folders:
        files = sorted(p for p in Path(folder).rglob("*")
                       if p.suffix in SUFFIXES and "consumer" not in p.parts)
        total, lengths = 0, []
        for path in files:
            lines = path.read_text().splitlines()
            total += len(lines)
            if len(lines) > FILE:
                broken.append(f"{path}: {len(lines)} lines, at most {FILE}")
            broken += [f"{path}:{n}: {len(line)} columns, at most {LINE}"
                       for n, line in enumerate(lines, 1) if len(line) > LINE]
            for first, length, table in functions(lines):
                lengths.append(length)
                if length > FUNCTION and not table:
                    broken.append(f"{path}:{first}: a function of {length} lines, at most {FUNCTION}")
        if lengths:
            print(f"{folder:24} {len(files):5} {total:7} {len(lengths):9} "
                  f"{statistics.median(lengths):6g} {max(lengths):7}")
    print(f"median aimed at: {MEDIAN}. {len(broken)} over budget")
    print("\n".join(broken))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
