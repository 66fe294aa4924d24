# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fact that is cited stands in the developer reference, once, with its evidence and a source that is listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from .numbered_facts import PAGES, Page, citations, read_page, read_pages

REPOSITORY = Path(__file__).resolve().parents[3]
RST = REPOSITORY / "docs" / "docsite" / "rst"
FOLDERS = ("plugins", "roles", "playbooks", "tests", "docs", "extensions", "changelogs", "meta", ".ci")
LEFT_OUT = {"__pycache__", "fixtures", "output", "test_facts.py"}
NO_TEXT = {".pyc", ".png", ".gz", ".pcap", ".bin"}
PUBLIC = {"manual", "device text", "client code", "source code", "standard"}
KINDS = PUBLIC | {"YANG", "measured", "inference", "unknown"}


@pytest.fixture(name="pages", scope="module")
def pages_fixture() -> dict[str, Page]:
    return read_pages(RST)


def files() -> Iterator[Path]:
    yield from (path for path in sorted(REPOSITORY.iterdir()) if path.is_file() and path.suffix not in NO_TEXT)
    for folder in FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            if path.is_file() and path.suffix not in NO_TEXT and not LEFT_OUT & set(path.parts):
                yield path


def test_each_citation_leads_to_one_fact(pages: dict[str, Page]) -> None:
    wrong, many = [], 0
    for path in files():
        for citation in citations(path.read_text(encoding="utf-8", errors="replace")):
            many += 1
            if pages[citation.page].numbers.count(citation.number) != 1:
                place = f"{path.relative_to(REPOSITORY)}:{citation.line}"
                wrong.append(f"{place}: there is no {citation.page} fact {citation.number}")
    assert not wrong, "\n".join(wrong)
    assert many > 300, "the search finds the citations"


def test_no_page_outside_the_repository_is_cited() -> None:
    outside = re.compile(r"\bfacts/\w+|\b(?:vrp|ntp|testbed|operations|ansible|design)\.md\b|\bshared folder\b")
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{number}: {found[0]}"
        for path in files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if (found := outside.search(line))
    ]
    assert not wrong, "\n".join(wrong)


def test_each_number_stands_once(pages: dict[str, Page]) -> None:
    for word, page in pages.items():
        assert len(page.facts) > 10
        twice = [number for number, count in Counter(page.numbers).items() if count > 1]
        assert not twice, f"{word}: {twice}"
        assert {fact.page for fact in page.facts} == {word}


def test_each_fact_stands_in_its_section(pages: dict[str, Page]) -> None:
    for word, page in pages.items():
        counted = Counter(fact.number.rpartition(".")[0] for fact in page.facts)
        assert sorted(counted) == sorted(page.sections), word
        expected = [f"{section}.{number}" for section in page.sections for number in range(1, counted[section] + 1)]
        assert [fact.number for fact in page.facts] == expected, word


def test_each_fact_has_evidence_and_a_source_that_is_listed(pages: dict[str, Page]) -> None:
    for word, page in pages.items():
        for fact in page.facts:
            assert fact.evidence, f"{word} fact {fact.number} has no evidence"
            for kind, sources in fact.grounds():
                assert kind in KINDS, f"{word} fact {fact.number}: {kind!r}"
                assert sources or kind not in PUBLIC, f"{word} fact {fact.number}: {kind} of what?"
                assert set(sources) <= page.sources, f"{word} fact {fact.number}: {set(sources) - page.sources}"


def test_each_source_is_used(pages: dict[str, Page]) -> None:
    for word, page in pages.items():
        used = {source for fact in page.facts for kind, sources in fact.grounds() for source in [*sources, kind]}
        assert page.sources <= used, f"{word}: {page.sources - used}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a line (fact 3.1).", [("VRP", "3.1")]),
        ("# facts 3.1 to 3.3, and", [("VRP", "3.1"), ("VRP", "3.2"), ("VRP", "3.3")]),
        ("facts 0.2, 0.5 and 1.3; pains 4.1.10 to 4.1.12", [("VRP", n) for n in ("0.2", "0.5", "1.3")]
         + [("VRP", f"4.1.{n}") for n in (10, 11, 12)]),
        ("fact 8 items 3 and 4", [("VRP", "8.3"), ("VRP", "8.4")]),
        ("facts 1.5, 8 item 11", [("VRP", "1.5"), ("VRP", "8.11")]),
        ("(facts\n    # 3.2 and\n    # 8.2)", [("VRP", "3.2"), ("VRP", "8.2")]),
        ("fact 5: the version", [("VRP", "5")]),
        ("see NTP fact 4.1 and test-bed fact 0.3.", [("NTP", "4.1"), ("test-bed", "0.3")]),
        ("artifacts 3 and facts of 3 hosts", []),
    ],
)  # fmt: skip
def test_what_counts_as_a_citation(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(citation.page, citation.number) for citation in citations(text)] == expected


def test_a_page_is_read() -> None:
    page = read_page(
        "2 Two\n-----\n\n_`VRP fact 2.1`\n  A text.\n\n  *manual: A, B; inference*\n\nSources\n-------\n\nA\n  A book\n"
    )
    (fact,) = page.facts
    assert (page.sections, page.sources) == (["2"], {"A"})
    assert (fact.number, list(fact.grounds())) == ("2.1", [("manual", ["A", "B"]), ("inference", [])])


def test_the_pages_are_those_of_the_docsite() -> None:
    listed = (REPOSITORY / "docs" / "docsite" / "extra-docs.yml").read_text()
    for name in PAGES.values():
        assert f"- reference_facts_{name}\n" in listed
