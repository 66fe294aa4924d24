# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of the language finds what it is for, in each kind of text. That nothing is found is a step of lint."""

from __future__ import annotations

import pathlib
from types import ModuleType

import pytest
from unit.docs.test_reference_pages import load_tool

LONG = "It goes " + "on and on " * 12


@pytest.fixture(scope="module")
def prose() -> ModuleType:
    return load_tool("prose")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("markdown", f"# Title\n\n{LONG}\n"),
        ("markdown", f"| name | {LONG} |\n"),
        ("page", f"Title\n=====\n\nA term\n  {LONG}\n"),
        ("page", f".. list-table::\n   :header-rows: 1\n\n   * - A\n     - {LONG}\n"),
        ("manual", f".SH NAME\n.TP\n.B term\n{LONG}\n"),
        ("plugin", f'DOCUMENTATION = """\noptions:\n  name:\n    description: {LONG}\n"""\n'),
    ],
)
def test_a_long_sentence_is_found(prose: ModuleType, tmp_path: pathlib.Path, kind: str, text: str) -> None:
    path = tmp_path / "some"
    path.write_text(text, encoding="utf-8")
    paragraphs = [paragraph for _where, paragraph in getattr(prose, f"of_{kind}")(path)]
    assert max(prose.word_count(sentence) for text in paragraphs for sentence in prose.sentences(text)) > 30


@pytest.mark.parametrize("text", [f".. code-block:: text\n\n   {LONG}\n", f"..\n  {LONG}\n"])
def test_code_and_comments_are_left_out(prose: ModuleType, tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "some.rst"
    path.write_text(text, encoding="utf-8")
    assert not [paragraph for _where, paragraph in prose.of_page(path) if "on and on" in paragraph]


def test_sentences_end_at_their_points(prose: ModuleType) -> None:
    text = 'It waits. Version 2.16 of "it" ends. Look at ntp.conf: 3 lines. Is it? yes.'
    assert [prose.word_count(sentence) for sentence in prose.sentences(text)] == [2, 5, 5, 2, 1]
