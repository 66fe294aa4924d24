# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbered facts of the developer reference, and the places that cite them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAGES = {"VRP": "vrp", "NTP": "ntp", "test-bed": "testbed", "Ansible": "ansible", "operations": "operations"}
"""Word of a citation -> end of the page's name."""
WITHOUT_A_WORD = "VRP"

_NUMBER = r"\d+(?:\.\d+)*(?:\s+items?\s+\d+(?:(?:,\s*|\s+and\s+)\d+(?![\d.]))*)?"
_BREAK = r"[\s#*]+"  # a comment may go on in the next line
_BETWEEN = rf"(?:,{_BREAK}(?:and{_BREAK})?|{_BREAK}(?:and|or|to){_BREAK})"
_CITATION = re.compile(
    rf"(?:\b(?P<page>{'|'.join(PAGES)}){_BREAK})?\b(?:[Ff]acts?|[Pp]ains?){_BREAK}"
    rf"(?P<numbers>{_NUMBER}(?:{_BETWEEN}{_NUMBER})*)"
)
_SECTION = re.compile(r"^(\d+(?:\.\d+)*) \S.*\n-{3,}$", re.MULTILINE)
_FACT = re.compile(r"^_`(\S+) fact (\d+(?:\.\d+)*)`\n((?:  .*\n|\n)+)", re.MULTILINE)
_EVIDENCE = re.compile(r"^  \*([^*\n]+)\*$", re.MULTILINE)
_SOURCE = re.compile(r"^(\S.*)\n  \S", re.MULTILINE)


@dataclass(frozen=True)
class Fact:
    page: str
    number: str
    text: str
    evidence: str

    def grounds(self) -> Iterator[tuple[str, list[str]]]:
        """Each kind of evidence with its sources."""
        for part in self.evidence.split("; "):
            kind, _colon, sources = part.partition(": ")
            yield kind, sources.split(", ") if sources else []


@dataclass
class Page:
    sections: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)

    @property
    def numbers(self) -> list[str]:
        return self.sections + [fact.number for fact in self.facts]


def read_page(text: str) -> Page:
    body, _heading, sources = text.partition("\nSources\n-------\n")
    page = Page(_SECTION.findall(body), sources=set(_SOURCE.findall(sources)))
    for word, number, rest in _FACT.findall(body):
        *_texts, evidence = _EVIDENCE.findall(rest) or [""]
        page.facts.append(Fact(word, number, rest.strip(), evidence))
    return page


def read_pages(folder: Path) -> dict[str, Page]:
    return {
        word: read_page((folder / f"reference_facts_{name}.rst").read_text(encoding="utf-8"))
        for word, name in PAGES.items()
    }


@dataclass(frozen=True)
class Citation:
    page: str
    number: str
    line: int


def _expanded(numbers: str) -> Iterator[str]:
    """``3.1 to 3.3`` is three sections; ``8 items 3 and 4`` is ``8.3`` and ``8.4``."""
    previous = ""
    for bridge, found in re.findall(rf"(^|{_BETWEEN})({_NUMBER})", numbers):
        section, *items = re.split(r"\s+items?\s+|,\s*|\s+and\s+", found)
        if bridge.strip(" #*\n") == "to":
            stem, _dot, last = section.rpartition(".")
            first = previous.rpartition(".")[2]
            yield from (f"{stem}.{number}".lstrip(".") for number in range(int(first) + 1, int(last) + 1))
        else:
            yield from [f"{section}.{item}" for item in items] or [section]
        previous = section


def citations(text: str) -> Iterator[Citation]:
    for found in _CITATION.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        for number in _expanded(found["numbers"]):
            yield Citation(found["page"] or WITHOUT_A_WORD, number, line)
