# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal: what the octets look like to a person."""

from __future__ import annotations

import pathlib

import pytest
from fixtures.places import COLLECTED_DEVICE_TEXTS, DEVICE_TEXTS, folders_of_device_texts
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.screen import Screen

PIECES = st.sampled_from(
    [
        "a",
        " ",
        "\r",
        "\n",
        "\r\n",
        "\x1b[16D",
        "\x1b[1A",
        "\x1b[K",
        "\x1b[",
        "\x1b",
        "\b",
        "\t",
        "\0",
        "[~CE1]",
        "  ---- More ----",
        "é",
        "\x9b",
        "\u2028",
    ]
)


def lines_of(text: str) -> list[str]:
    screen = Screen()
    screen.feed(text)
    return screen.lines


@given(st.lists(PIECES, max_size=60), st.integers(1, 7))
def test_the_size_of_the_pieces_does_not_matter(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    screen = Screen()
    for start in range(0, len(text), size):
        screen.feed(text[start : start + size])
    assert screen.lines == lines_of(text)


@given(st.lists(PIECES, max_size=60))
def test_lines_that_are_written_at_once_are_the_same_as_one_by_one(pieces: list[str]) -> None:
    at_once, one_by_one = Screen(), Screen()
    at_once.feed("".join(pieces))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Screen, "_has_room", lambda _screen, _lines: False)
        one_by_one.feed("".join(pieces))
    assert vars(at_once) == vars(one_by_one)


@given(st.text(max_size=400))
def test_any_text_is_taken(text: str) -> None:
    assert all("\n" not in line and "\x1b" not in line for line in lines_of(text))


def test_progress_figures_vanish() -> None:
    # Fact 3.2; the octets are those of gnetcli's recording of a real device.
    figures = "\rRunning: 33%\r\rRunning: 33%\r\rRunning: 66%\r\rRunning: 66%\r"
    text = f"[~H]port trunk\r\n{figures}\r            \x1b[1A\r\n\r\n[*H]"
    assert [line for line in lines_of(text) if line.strip()] == ["[~H]port trunk", "[*H]"]


def test_a_wrapped_echo_is_joined() -> None:
    # Fact 3.5: a blank and a step back where the line reached the width of the terminal.
    assert lines_of("[~H]ntp multica \x1b[1Dst-server\r\n") == ["[~H]ntp multicast-server", ""]


def test_the_erased_pager_leaves_no_blanks() -> None:
    screen = Screen()
    screen.feed("one\r\n  ---- More ----")
    screen.blank_current()
    screen.feed("\x1b[16D                \x1b[16Dtwo\r\n")
    assert screen.lines == ["one", "two", ""]


@pytest.mark.parametrize(
    ("path", "prompt", "first"),
    [
        case
        for case in (
            (DEVICE_TEXTS / "page-break.bin", "<row7-leaf3>", "100GE1/0/41      "),
            (COLLECTED_DEVICE_TEXTS / "ce-raw-bytes-pager.bin", "<some-device>", "100GE1/0/55      "),
        )
        if case[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_a_page_break(path: pathlib.Path, prompt: str, first: str) -> None:
    screen = Screen()
    before, pager, after = path.read_bytes().decode().partition("  ---- More ----")
    screen.feed(before + pager)
    screen.blank_current()
    screen.feed(after)
    assert screen.lines[-1] == prompt
    assert screen.lines[-3].startswith(first)
    assert "More" not in "".join(screen.lines)
