# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make each deliberate mistake in a copy of the tree, run the tests that have to notice it, and name the survivors."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import Mutant
from mutants.engine import MUTANTS as OF_THE_ENGINE
from mutants.plugins import MUTANTS as OF_THE_PLUGINS

TOP = Path(__file__).resolve().parents[2]
LONGEST = 300  # seconds for the tests of one mistake
TESTS_FAILED = 1  # exit code of pytest; any other means that it could not run them


def copy_of_tree(folder: Path) -> Path:
    """The files that git knows, with the tree through which Ansible finds the collection."""
    tree = folder / "tree"
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        if (TOP / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, tree / name)
    collection = tree / ".build" / "collections" / "ansible_collections" / "timecast"
    collection.mkdir(parents=True)
    (collection / "ntp_multicast").symlink_to(Path("../../../.."))
    return tree


def run_tests(tree: Path, arguments: str) -> int:
    """The exit code of pytest; a run that does not end counts as one that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments.split()]
    try:
        return subprocess.run(command, cwd=tree, capture_output=True, timeout=LONGEST, check=False).returncode
    except subprocess.TimeoutExpired:
        return TESTS_FAILED


def verdict(mutant: Mutant) -> str:
    """ "" where the tests notice the mistake; else what is wrong."""
    with tempfile.TemporaryDirectory(prefix="mutant.") as folder:
        tree = copy_of_tree(Path(folder))
        path = tree / mutant.path
        text = path.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            return f"can't be made: the text stands {text.count(mutant.old)} times in {mutant.path}"
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        code = run_tests(tree, mutant.tests)
        if code == TESTS_FAILED:
            return ""
        return "survived" if code == 0 else f"pytest ended with {code}: {mutant.tests}"


def judged(mutants: Iterable[Mutant], jobs: int) -> list[str]:
    """A line for each mistake that was not noticed."""
    mutants = list(mutants)
    wrong = []
    with ThreadPoolExecutor(jobs) as pool:
        for mutant, found in zip(mutants, pool.map(verdict, mutants)):
            print(f"{found or 'killed':<9} {mutant.path}: {mutant.name}", flush=True)
            if found:
                wrong.append(f"{mutant.path}: {mutant.name}: {found}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument("--only", default="", help="those whose path or name contains this text")
    options = parser.parse_args()
    chosen = [
        mutant
        for mutant in (*OF_THE_PLUGINS, *OF_THE_ENGINE)
        if options.only in mutant.path or options.only in mutant.name
    ]
    survivors = judged(chosen, options.jobs)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} deliberate mistakes were noticed")
    for survivor in survivors:
        print(f"NOT NOTICED: {survivor}")
    return 1 if survivors or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
