# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text of eight times the length costs eight times as much and not the square of it, whatever stands in it.

The processor time of one reading is held against that of another in the same process, the smallest ratio of several, so
that neither the machine nor its load matters. A square would be 64.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.addresses import address_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.interface_names import interface_key
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commit_rules import is_description, is_label
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import parse_sessions, parse_status
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    parse_configuration,
    parse_given_text,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar.telling import told_without_secrets

READERS: dict[str, Callable[[str], object]] = {
    "configuration": parse_configuration,
    "given text": parse_given_text,
    "sessions": parse_sessions,
    "status": parse_status,
    "telling": told_without_secrets,
    "name": interface_key,
    "address": address_of,
    "label": is_label,
    "description": is_description,
}
PIECES = [
    *(" ", "\t", "a", "A", "1", "-", "#", "|", ":", ",", ".", "/", "%", "(", "[", "\b", "\r", "\x1b", "\x9b"),
    *("a ", "1 ", "May 1 ", "%%01A", "%%01", "---- More", "[1D", " \b", "\x1b[1D ", "^H ", "[42D  ", ", a", "a: b,"),
    *(
        "ntp ",
        "undo ntp ",
        "cipher ",
        "%^%#",
        "%^%",
        "$1a$",
        "authentication-keyid 1 ",
        "interface ",
        "key ",
        "header ",
    ),
    *("\n", "#\n", "a\n", "ntp\n", "ntp x\n", "interface a1\n", " ntp x\n", 'header login information "\n', "()", "(a"),
]
BEFORE = [
    *("", " ", "ntp ", "ntp authentication-keyid 1 authentication-mode md5 cipher %^%#", "interface ", " description "),
    *("  ---- More ----", "May 1 2026 ", " clock source: ", "#\n", "header login information "),
]
SHORT, TIMES = 2000, 8
WORTH_A_LOOK = 0.02  # seconds; a square takes many times this
TOO_STEEP = 3 * TIMES


def cost(read: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(ParseError, ValueError):
        read(text)
    return time.process_time() - began


@pytest.mark.parametrize("reader", READERS)
def test_the_cost_grows_with_the_length(reader: str) -> None:
    read = READERS[reader]
    steep = []
    for before in BEFORE:
        for piece in PIECES:
            count = SHORT // len(piece)
            texts = [before + piece * (count * factor) + "\x00" for factor in (1, TIMES)]
            if cost(read, texts[1]) < WORTH_A_LOOK:
                continue
            ratio = min(cost(read, texts[1]) / cost(read, texts[0]) for _unused in range(5))
            if ratio > TOO_STEEP:
                steep.append((before, piece, ratio))
    assert steep == []
