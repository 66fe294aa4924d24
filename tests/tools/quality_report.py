# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `tests/tools/quality` prints: rooms with their coverage, the worst functions, text that stands twice."""

from __future__ import annotations

import collections
import hashlib
import io
import json
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CODE = ("plugins", "roles/ntp_multicast_engine/files", "tests/simulator")
WORST = 10
SHORTEST_DUPLICATE = 8  # lines with code


def files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", *CODE], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name.endswith(".py")]


# -- coverage ----------------------------------------------------------------------------------------------------------


def show_coverage(path: str) -> None:
    """Rooms, and the files with the most that no unit test reaches."""
    measured = json.loads(Path(path).read_text(encoding="utf-8"))["files"]
    rooms: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for name, entry in measured.items():
        for place in (room_of(name), "all"):
            rooms[place].update({key: entry["summary"][key] for key in KEYS})
    print(f"{'room':<62}{'lines':>8}{'branches':>10}")
    for room in sorted(rooms, key=lambda name: (name == "all", name)):
        print(f"{room:<62}{share(rooms[room], 'lines'):>8}{share(rooms[room], 'branches'):>10}")
    print("\nfiles with the most lines that no unit test reaches")
    for name in sorted(measured, key=lambda name: -measured[name]["summary"]["missing_lines"])[:WORST]:
        summary = measured[name]["summary"]
        print(f"{summary['missing_lines']:>5} of {summary['num_statements']:<5} {name}")


KEYS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def room_of(name: str) -> str:
    return str(Path(name).parent)


def share(counted: collections.Counter[str], kind: str) -> str:
    total = counted["num_statements" if kind == "lines" else "num_branches"]
    return f"{100 * counted[f'covered_{kind}'] / total:.1f} %" if total else "-"


# -- functions ---------------------------------------------------------------------------------------------------------


def show_functions() -> None:
    import lizard

    found = [
        (function, analysed.filename)
        for analysed in map(lizard.analyze_file, (str(ROOT / name) for name in files()))
        for function in analysed.function_list
    ]
    print(f"{len(found)} functions")
    for title, key in (("complexity", "cyclomatic_complexity"), ("lines", "nloc")):
        print(f"\n{title:>10}  function")
        for function, path in sorted(found, key=lambda item: -getattr(item[0], key))[:WORST]:
            place = f"{Path(path).relative_to(ROOT)}:{function.start_line}"
            print(f"{getattr(function, key):>10}  {function.name}  {place}")


# -- duplicates --------------------------------------------------------------------------------------------------------


def show_duplicates() -> None:
    """Runs of lines that are equal but for blanks and comments, in two places. The engine, the plugins and the
    simulator share no code on purpose, so only places of one room count."""
    seen: dict[tuple[str, str], tuple[str, int]] = {}
    found: list[tuple[int, str, str]] = []
    for name in files():
        rows = list(code_rows(name))
        index = 0
        while index + SHORTEST_DUPLICATE <= len(rows):
            key = (name.partition("/")[0], digest(rows[index : index + SHORTEST_DUPLICATE]))
            first = seen.setdefault(key, (name, rows[index][0]))
            if first == (name, rows[index][0]) or (first[0] == name and rows[index][0] - first[1] < SHORTEST_DUPLICATE):
                index += 1
                continue
            found.append((SHORTEST_DUPLICATE, f"{first[0]}:{first[1]}", f"{name}:{rows[index][0]}"))
            index += SHORTEST_DUPLICATE
    print(f"{len(found)} places with {SHORTEST_DUPLICATE} or more equal lines")
    for _length, first, second in found:
        print(f"  {first}  and  {second}")


def code_rows(name: str) -> Iterator[tuple[int, str]]:
    """Line number and text of the lines with code; imports and single brackets are no code of somebody's."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for number, row in sorted(with_code(text).items()):
        if len(row) > 3 and not row.startswith(("import ", "from ", "#")):
            yield number, row


def with_code(text: str) -> dict[int, str]:
    lines = text.split("\n")
    strings: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and token.end[0] > token.start[0]:
            strings.update(range(token.start[0], token.end[0] + 1))
    return {number: row.strip() for number, row in enumerate(lines, 1) if number not in strings}


def digest(rows: list[tuple[int, str]]) -> str:
    return hashlib.sha256("\n".join(row for _number, row in rows).encode()).hexdigest()


def main() -> None:
    parts: dict[str, Any] = {"coverage": show_coverage, "functions": show_functions, "duplicates": show_duplicates}
    parts[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
