# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import paramiko
import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.ssh import (
    KeyboardInteractive,
    jump_command,
    legacy_algorithms,
)


def test_the_password_answers_one_hidden_question() -> None:
    strategy = KeyboardInteractive("ops", "Login-Pass-1")
    assert strategy._answers("", "", [("Password:", False)]) == ["Login-Pass-1"]
    assert strategy._answers("", "", []) == []


@pytest.mark.parametrize(
    "fields", [[("Old password:", False), ("New password:", False)], [("Token:", True)]], ids=["two", "shown"]
)
def test_other_questions_are_not_answered_with_the_password(fields: list[tuple[str, bool]]) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        KeyboardInteractive("ops", "Login-Pass-1")._answers("", "", fields)


@pytest.mark.parametrize(
    ("jump", "command"),
    [
        ("gate", "ssh -o BatchMode=yes -W [%h]:%p gate"),
        ("ops@gate:2222", "ssh -o BatchMode=yes -W [%h]:%p -p 2222 ops@gate"),
        ("one, two:22,ops@three", "ssh -o BatchMode=yes -W [%h]:%p -J one,two:22 ops@three"),
        ("a;reboot", "ssh -o BatchMode=yes -W [%h]:%p 'a;reboot'"),
    ],
)
def test_jump_commands(jump: str, command: str) -> None:
    assert jump_command(jump) == command


def test_old_algorithms_are_refused_by_default() -> None:
    refused = [name for names in legacy_algorithms().values() for name in names]
    assert "ssh-rsa" in refused or "ssh-rsa" not in paramiko.Transport._preferred_keys
    assert not any(name.endswith(("-ctr", "ed25519", "sha2-256", "sha2-512", "sha256")) for name in refused)
