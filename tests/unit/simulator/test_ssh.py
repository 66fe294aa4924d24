# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH side of a device, tried with paramiko and OpenSSH (facts 3.7, 9.10; cases kbdint-* and ssh-*)."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import needs
import paramiko
import pytest

from vrp_simulator.errors import SettingsError
from vrp_simulator.gate import Attempt
from vrp_simulator.testing import RunningDevice, running_devices

from .conftest import device_entry

Start = Callable[..., RunningDevice]
PASSWORD = "Login-Pass-1"
NEW_PASSWORD = [
    {"prompts": [{"text": "Password:"}]},
    {"instruction": "The password has expired.", "prompts": [{"text": "New password:", "answer": "*"}]},
    {"prompts": [{"text": "Confirm password:", "answer": "*"}]},
]
TOKEN = [{"prompts": [{"text": "Enter password:"}]}, {"prompts": [{"text": "Token: ", "answer": "123456"}]}]
ONLY_INTERACTIVE = ["keyboard-interactive"]
TYPES = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a device with these settings of its SSH server."""
    with contextlib.ExitStack() as stack:

        def device(ssh: dict[str, object], **options: object) -> RunningDevice:
            return stack.enter_context(running_devices([device_entry(ssh=ssh, **options)]))["CE1"]

        yield device


@contextlib.contextmanager
def connection(device: RunningDevice) -> Iterator[paramiko.Transport]:
    """An encrypted connection, not logged in."""
    transport = paramiko.Transport((device.address, device.port))
    try:
        transport.start_client(timeout=30)
        yield transport
    finally:
        transport.close()


def openssh(
    device: RunningDevice, home: pathlib.Path, *options: str, lines: str = "quit\n"
) -> subprocess.CompletedProcess[str]:
    """Run the command line client with the password and the device's host keys."""
    needs.require(needs.no_command("ssh", "sshpass"))
    hosts = home / "known_hosts"
    hosts.write_text(device.known_hosts(), encoding="utf-8")
    command = [
        *("sshpass", "-e", "ssh", "-tt", "-F", "none", "-o", f"UserKnownHostsFile={hosts}"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no", "-o", "NumberOfPasswordPrompts=1"),
        *(word for option in options for word in ("-o", option)),
        *("-p", str(device.port), f"netops@{device.address}"),
    ]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SSHPASS": PASSWORD}
    return subprocess.run(
        command, input=lines, capture_output=True, check=False, text=True, timeout=60, env=environment
    )


def test_each_answer_is_noted(start: Start) -> None:
    device = start({"methods": ["password", "keyboard-interactive"]})
    with connection(device) as transport:
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_password("netops", "wrong", fallback=False)
        transport.auth_interactive("netops", lambda *asked: [PASSWORD])
        assert transport.is_authenticated()
    assert device.attempts() == [
        Attempt("netops", "password", 0, ("wrong",), False),
        Attempt("netops", "keyboard-interactive", 0, (PASSWORD,), True),
    ]
    device.reset()
    assert device.attempts() == []


def test_a_server_with_keyboard_interactive_only(start: Start) -> None:
    """Case kbdint-wrong-password-twice: what a client sends is counted."""
    device = start({"methods": ONLY_INTERACTIVE})
    with connection(device) as transport:
        with pytest.raises(paramiko.BadAuthenticationType):
            transport.auth_password("netops", "wrong", fallback=False)
        assert device.attempts() == []
        for _unused in range(2):
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_interactive("netops", lambda *asked: ["wrong"])
    assert [attempt.accepted for attempt in device.attempts()] == [False, False]


def test_a_user_is_locked_out(start: Start) -> None:
    device = start({"lockout_after": 2})
    with connection(device) as transport:
        for password in ("one", "two", PASSWORD):
            with pytest.raises(paramiko.AuthenticationException):
                transport.auth_password("netops", password, fallback=False)
    assert [attempt.accepted for attempt in device.attempts()] == [False] * 3


@pytest.mark.parametrize(
    ("rounds", "answers", "accepted"),
    [
        (NEW_PASSWORD, [PASSWORD, "New-Pass-2", "New-Pass-2"], True),
        (NEW_PASSWORD, ["wrong"], False),
        (TOKEN, [PASSWORD, "123456"], True),
        (TOKEN, [PASSWORD, PASSWORD], False),
    ],
)
def test_several_rounds(start: Start, rounds: list[object], answers: list[str], accepted: bool) -> None:
    """Case kbdint-new-password-round, and a token: each round is asked when the one before was right."""
    device = start({"methods": ONLY_INTERACTIVE, "rounds": rounds})
    asked: list[tuple[str, list[tuple[str, bool]]]] = []

    def answer(title: str, instruction: str, prompts: list[tuple[str, bool]]) -> list[str]:
        asked.append((instruction, prompts))
        return [answers[len(asked) - 1]] if prompts else []

    with connection(device) as transport, contextlib.suppress(paramiko.AuthenticationException):
        transport.auth_interactive("netops", answer)
        assert accepted
    given = device.attempts()
    assert [attempt.answers for attempt in given] == [(text,) for text in answers]
    assert [attempt.round for attempt in given] == list(range(len(answers))) and given[-1].accepted == accepted
    if rounds is NEW_PASSWORD and accepted:
        assert asked[1] == ("The password has expired.", [("New password:", False)])


def test_a_round_with_two_questions_or_none(start: Start) -> None:
    rounds = [
        {"prompts": [{"text": "Password:"}, {"text": "Site: ", "hidden": False, "answer": "HQ"}]},
        {"instruction": "Welcome.", "prompts": []},
    ]
    device = start({"methods": ONLY_INTERACTIVE, "rounds": rounds})
    seen = []
    with connection(device) as transport:
        transport.auth_interactive("netops", lambda *asked: seen.append(asked) or [PASSWORD, "HQ"][: len(asked[2])])
        assert transport.is_authenticated()
    assert seen[0][2] == [("Password:", False), ("Site: ", True)] and device.attempts()[0].answers == (PASSWORD, "HQ")


def test_a_refused_channel(start: Start) -> None:
    """Case ssh-transport-noise: the login is right, and the device takes no further session."""
    device = start({}, faults={"refuse_channels": 1})
    with connection(device) as transport:
        transport.auth_password("netops", PASSWORD)
        with pytest.raises(paramiko.ChannelException, match="Administratively prohibited"):
            transport.open_session(timeout=30)
        transport.open_session(timeout=30).close()


@pytest.mark.parametrize("kind", TYPES)
def test_host_keys_of_each_type(start: Start, tmp_path: pathlib.Path, kind: str) -> None:
    """All are offered; a client with one of them known gets that one."""
    device = start({"host_keys": TYPES})
    assert sorted(device.host_keys()) == sorted(TYPES) and device.known_hosts(kind).split()[1] == kind
    algorithm = "rsa-sha2-256" if kind == "ssh-rsa" else kind
    done = openssh(device, tmp_path, f"HostKeyAlgorithms={algorithm}")
    assert done.returncode == 0, done.stderr


def test_a_choice_of_host_keys(start: Start, tmp_path: pathlib.Path) -> None:
    device = start({"host_keys": ["ssh-rsa"]})
    assert list(device.host_keys()) == ["ssh-rsa"] and openssh(device, tmp_path).returncode == 0
    done = openssh(device, tmp_path, "HostKeyAlgorithms=ssh-ed25519")
    assert "no matching host key type found. Their offer: rsa-sha2-256" in done.stderr.replace("rsa-sha2-512,", "")


def test_a_signature_without_padding(start: Start, tmp_path: pathlib.Path) -> None:
    """Case ssh-nistp521-unpadded: a strict client refuses it; another host key is the way round."""
    device = start({"host_keys": ["ecdsa-sha2-nistp521", "ssh-rsa"], "flawed_signatures": True})
    refused = openssh(device, tmp_path, "HostKeyAlgorithms=ecdsa-sha2-nistp521")
    assert refused.returncode == 255 and device.attempts() == []
    assert openssh(device, tmp_path, "HostKeyAlgorithms=rsa-sha2-512").returncode == 0


def test_newer_algorithms_only(start: Start, tmp_path: pathlib.Path) -> None:
    """Case ssh-newer-algorithms-advice."""
    device = start({"key_exchanges": ["curve25519-sha256"], "ciphers": ["aes256-gcm@openssh.com"]})
    done = openssh(device, tmp_path, "KexAlgorithms=curve25519-sha256@libssh.org")
    assert "no matching key exchange method found. Their offer: curve25519-sha256," in done.stderr
    assert openssh(device, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("text", "usable"), [("SSH-2.0-HUAWEI-1.5", True), ("SSH-1.99-HUAWEI", True), ("SSH-1.5-X", False)]
)
def test_identifications(start: Start, tmp_path: pathlib.Path, text: str, usable: bool) -> None:
    device = start({"identification": text})
    with socket.create_connection((device.address, device.port), timeout=30) as line:
        assert line.makefile("rb").readline() == f"{text}\r\n".encode()
    done = openssh(device, tmp_path)
    assert (done.returncode == 0) == usable, done.stderr


@pytest.mark.parametrize(
    ("ssh", "words"),
    [
        ({"host_keys": ["dsa"]}, "host_keys: 'dsa' is none of"),
        ({"methods": ["publickey"]}, "methods: 'publickey' is none of"),
        ({"colour": 1}, r"ssh\.colour: no such option"),
        ({"rounds": [{"promts": []}]}, r"rounds\[0\]\.promts: no such option"),
    ],
)
def test_wrong_settings(start: Start, ssh: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        start(ssh)


def test_secrets_are_in_memory_only(tmp_path: pathlib.Path) -> None:
    """What was typed is there for a test to compare, and in no file."""
    key = "Typed-Secret-2026!"
    with running_devices([device_entry()], log_directory=tmp_path) as devices:
        device = devices["CE1"]
        device.open_link().converse(f"system-view\nntp authentication-keyid 1 authentication-mode hmac-sha256 {key}\n")
        line = f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {key}"
        assert device.typed() == [("<CE1>", "system-view"), ("[~CE1]", line)]
        assert key not in str(device.commands()) and "Login-Pass" not in repr(device.call(lambda it: it.settings))
    assert key not in (tmp_path / "CE1.jsonl").read_text(encoding="utf-8")


def test_a_slow_commit_survives_a_client_that_is_killed(start: Start) -> None:
    device: Any = start({}, faults={"hold": "while-committing"})
    with connection(device) as transport:
        transport.auth_password("netops", PASSWORD)
        channel = transport.open_session(timeout=30)
        channel.get_pty()
        channel.invoke_shell()
        channel.sendall(b"system-view\nntp refclock-master 2\ncommit\n")
        device.wait_until_held()
    assert device.committing() and device.session_count() == 1
    device.release()
    device.wait_until_deserted()
    assert "ntp refclock-master 2\n" in device.running_configuration()
