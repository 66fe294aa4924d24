# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who logs in with what, against real servers. "told" is what the server was told, to the last password."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import time
from typing import Any

import asyncssh
import paramiko
import pytest
from unit.plugin_utils.connection.servers import PASSWORD, USER, Behaviour, Round, Server, serving

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection import authentication
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.authentication import (
    Answers,
    authenticate,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.errors import LoginRefused, SshError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.login import Client
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.settings import Settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.transport import Attempt

ASKED: Round = ("User Authentication", "", [("Enter password:", False)])
NEW_PASSWORD: Round = ("", "The password has expired.", [("New password:", False)])
CONFIRM: Round = ("", "", [("Confirm password:", False)])
SECOND: Round = ("", "", [("Password:", False)])
TOKEN: Round = ("", "", [("Verification code:", False)])
NOTHING: Round = ("", "Welcome", [])


def settings_for(server: Server, tmp_path: pathlib.Path, **options: Any) -> Settings:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(server.known_hosts)
    standard: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "password": PASSWORD,
        "known_hosts_file": str(known_hosts),
        "ssh_arguments": "-F none",
        "allow_agent": False,
    }
    return Settings(**{**standard, **options})


def log_in(server: Server, tmp_path: pathlib.Path, **options: Any) -> None:
    client = Client(settings_for(server, tmp_path, **options))
    client.open()
    client.close()


def refusal(server: Server, tmp_path: pathlib.Path, **options: Any) -> str:
    with pytest.raises(LoginRefused) as refused:
        log_in(server, tmp_path, **options)
    return str(refused.value)


@pytest.mark.parametrize(
    ("password", "rounds", "told"),
    [
        (True, None, [("password", PASSWORD)]),
        (True, [ASKED], [("password", PASSWORD)]),
        (False, [ASKED], [("keyboard-interactive", PASSWORD)]),
        (False, [ASKED, NOTHING], [("keyboard-interactive", PASSWORD)]),
    ],
    ids=["password", "both", "questions", "questions and a word"],
)
def test_the_password_is_sent_once(
    password: bool, rounds: list[Round] | None, told: list[tuple[str, str]], tmp_path: pathlib.Path
) -> None:
    with serving(Behaviour(password=password, rounds=rounds)) as server:
        log_in(server, tmp_path)
        assert server.told == told
        assert server.connections == 1


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(password=False, rounds=[ASKED])], ids=["password", "kbd"])
def test_a_wrong_password_is_sent_once(behaviour: Behaviour, tmp_path: pathlib.Path) -> None:
    with serving(behaviour) as server:
        message = refusal(server, tmp_path, password="Wrong-Pass-9")
        assert [text for _method, text in server.told] == ["Wrong-Pass-9"]
        assert server.connections == 1
    assert "ansible_password" in message and "Wrong-Pass-9" not in message


@pytest.mark.parametrize(
    "rounds",
    [[ASKED, NEW_PASSWORD, CONFIRM], [ASKED, SECOND], [ASKED, TOKEN], [ASKED, NOTHING, SECOND]],
    ids=["new password", "asked again", "token", "after a word"],
)
def test_a_further_round_is_not_answered(rounds: list[Round], tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(password=False, rounds=rounds)) as server:
        message = refusal(server, tmp_path)
        assert server.told == [("keyboard-interactive", PASSWORD)]
    assert "asks for more than the password" in message
    assert rounds[-1 if rounds[1] == NOTHING else 1][2][0][0] in message  # the device's question is quoted


@pytest.mark.parametrize(
    "question",
    [
        ("Token:", False),
        ("Enter PASSCODE:", False),
        ("One-time password (OATH) for `ops':", False),
        ("New password:", False),
        ("Old Password:", False),
        ("Password:", True),
    ],
    ids=lambda question: f"{question[0]} {'shown' if question[1] else ''}",
)
def test_a_first_question_for_something_else_is_not_answered(
    question: tuple[str, bool], tmp_path: pathlib.Path
) -> None:
    with serving(Behaviour(password=False, rounds=[("", "", [question])])) as server:
        refusal(server, tmp_path)
        assert server.told == []


@pytest.mark.parametrize(
    ("title", "instructions", "words"),
    [
        ("", "", "Dynamic password:"),
        ("", "", "One-Time-Password:"),
        ("", "", "Verification-code:"),
        ("", "", "Tokencode: "),
        ("", "", "Response:"),
        ("", "Enter the code of your authenticator.", ">"),
        ("SecurID", "", ""),
        ("", "", "Yubikey for `ops':"),
        ("", "", "otp-md5 97 ho8812"),
        ("", "", "Enter TAN:"),
        ("Duo two-factor login for ops", "", "Option (1-1):"),
        ("", "", "What is the name of your dog?"),
        ("", "", "Secret answer:"),
        ("", "", "Login:"),
        ("", "", "Temporary password:"),
        ("", "", "Choose a password:"),
        ("", "", "Neues Passwort:"),
        ("", "", "Nouveau mot de passe:"),
        ("", "", "\u65b0\u5bc6\u7801:"),
        ("", "", "\u52a8\u6001\u53e3\u4ee4:"),
        ("", "", "\u9a8c\u8bc1\u7801:"),
    ],
)
def test_other_words_for_a_token_are_not_answered(title: str, instructions: str, words: str) -> None:
    with pytest.raises(LoginRefused, match="more than the password"):
        Answers(PASSWORD)(title, instructions, [(words, False)])


def test_what_is_said_before_the_password_does_not_matter() -> None:
    told = "Your password is to expire in 3 days; a new code of conduct is in force."
    assert Answers(PASSWORD)("User Authentication", told, [("Enter password:", False)]) == [PASSWORD]


@pytest.mark.parametrize(
    ("title", "instructions", "words"),
    [
        ("", "", "ops@new.example.com's password:"),
        ("", "", "(ops@ce1) Password:"),
        ("", "Last login: Mon", "PASSWORD>"),
        ("Password authentication", "", "Enter:"),
        ("", "", ""),
        ("", "", " : "),
        ("", "", "Passwort:"),
        ("", "", "Mot de passe :"),
        ("", "", "\u5bc6\u7801:"),
        ("", "", "\u8bf7\u8f93\u5165\u5bc6\u7801\uff1a"),
        ("", "", "\u30d1\u30b9\u30ef\u30fc\u30c9:"),
        ("", "", "\u041f\u0430\u0440\u043e\u043b\u044c:"),
        ("", "", "Password (expires in 3 days):"),
    ],
)
def test_the_password_is_asked_for_in_many_words(title: str, instructions: str, words: str) -> None:
    assert Answers(PASSWORD)(title, instructions, [(words, False)]) == [PASSWORD]


@pytest.mark.parametrize("piece", ["A", "(", "<a>", "a@", "code "])
def test_a_long_question_takes_time_in_proportion(piece: str) -> None:
    def cost(length: int) -> float:
        words = piece * (length // len(piece))
        began = time.process_time()
        with contextlib.suppress(LoginRefused):
            Answers(PASSWORD)("", "", [(words, False)])
        return time.process_time() - began

    # Sixteen times the length; a square takes 256 times as long.
    assert min(cost(32_000) / max(cost(2_000), 1e-4) for _unused in range(5)) < 80


def test_two_questions_at_once_are_not_answered() -> None:
    with pytest.raises(LoginRefused, match="more than the password"):
        Answers(PASSWORD)("", "", [("Password:", False), ("Token:", False)])


@pytest.mark.parametrize("words", ["Password:", "ops@new.example's password:", "口令:", "Password for pin-board:", ""])
def test_one_hidden_question_gets_the_password(words: str) -> None:
    assert Answers(PASSWORD)("", "", [(words, False)]) == [PASSWORD]


def key_file(path: pathlib.Path, passphrase: str | None = None) -> str:
    """A new key in a file; its public line."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(path, passphrase=passphrase, rounds=50)
    return str(key.export_public_key().decode())


def test_a_key_that_is_refused_is_followed_by_the_password(tmp_path: pathlib.Path) -> None:
    key_file(tmp_path / "id")
    other = key_file(tmp_path / "other")
    with serving(Behaviour(public_key=other)) as server:
        log_in(server, tmp_path, private_key_file=str(tmp_path / "id"))
        assert server.told == [("publickey", "ssh-ed25519"), ("password", PASSWORD)]
        assert server.connections == 1


def test_what_opens_the_key_is_not_told_to_the_device(tmp_path: pathlib.Path) -> None:
    key_file(tmp_path / "id", PASSWORD)
    other = key_file(tmp_path / "other")
    with serving(Behaviour(public_key=other)) as server:
        message = refusal(server, tmp_path, private_key_file=str(tmp_path / "id"))
        assert server.told == [("publickey", "ssh-ed25519")]
    assert "key" in message


def test_a_key_and_a_password(tmp_path: pathlib.Path) -> None:
    line = key_file(tmp_path / "id")
    with serving(Behaviour(public_key=line)) as server:
        log_in(server, tmp_path, private_key_file=str(tmp_path / "id"))
        assert all(method == "publickey" for method, _text in server.told)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"password": None}, "Set ansible_password or ansible_private_key_file"),
        ({"password": None, "private_key_file": "absent"}, "absent can't be read: No such file or directory"),
        ({"password": None, "private_key_file": "text"}, "can't be used"),
        ({"password": None, "private_key_file": "locked"}, "is encrypted"),
        ({"password": "Not-The-One", "private_key_file": "locked"}, "can't be used"),
    ],
    ids=["nothing", "no file", "no key", "no passphrase", "wrong passphrase"],
)
def test_what_is_missing_is_named(options: dict[str, Any], words: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    key_file(tmp_path / "locked", PASSWORD)
    if "private_key_file" in options:
        options = {**options, "private_key_file": str(tmp_path / options["private_key_file"])}
    with serving() as server:
        assert words in refusal(server, tmp_path, **options)
        assert server.told == []


def test_a_device_without_passwords_says_so(tmp_path: pathlib.Path) -> None:
    line = key_file(tmp_path / "id")
    with serving(Behaviour(password=False, public_key=line)) as server:
        message = refusal(server, tmp_path)
        assert server.told == []
    assert "takes no password here, only publickey" in message


def test_a_device_that_wants_a_new_password(tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(expired=True)) as server:
        message = refusal(server, tmp_path)
        assert server.told == [("password", PASSWORD)]
    assert "wants a new password" in message


def test_a_question_that_comes_again(tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(password=False, rounds=[ASKED, ASKED])) as server:
        assert "asks for the password again" in refusal(server, tmp_path)
        assert server.told == [("keyboard-interactive", PASSWORD)]


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("ssh-ed25519", "openssh"),
        ("ecdsa-sha2-nistp384", "openssh"),
        ("ssh-rsa", "openssh"),
        ("ecdsa-sha2-nistp384", "pkcs1-pem"),
        ("ssh-rsa", "pkcs1-pem"),
    ],
)
@pytest.mark.parametrize("passphrase", [None, PASSWORD], ids=["open", "encrypted"])
def test_keys_of_each_form(
    kind: str, form: str, passphrase: str | None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncssh.generate_private_key(kind, comment="ops")
    key.write_private_key(tmp_path / "id", form, passphrase=passphrase, rounds=50)
    opened: list[object] = []
    for name in ("Ed25519Key", "ECDSAKey", "RSAKey"):
        original = getattr(paramiko, name).from_private_key_file
        monkeypatch.setattr(
            getattr(paramiko, name),
            "from_private_key_file",
            lambda path, word=None, _original=original: opened.append(word) or _original(path, word),
        )
    with serving(Behaviour(public_key=key.export_public_key().decode())) as server:
        if passphrase is not None and form == "pkcs1-pem" and int(paramiko.__version__.split(".")[0]) < 4:
            # Some releases do not open these: the user reads so, and the passphrase goes nowhere.
            try:
                log_in(server, tmp_path, private_key_file=str(tmp_path / "id"), password=passphrase)
            except LoginRefused as refused:
                assert "can't be used" in str(refused)
            assert passphrase not in {text for _method, text in server.told}
            return
        for _unused in range(2):
            log_in(server, tmp_path, private_key_file=str(tmp_path / "id"), password=passphrase)
        assert {method for method, _text in server.told} == {"publickey"}
    if form == "openssh":  # once without and once with its passphrase, whatever the number of logins
        assert opened.count(passphrase) <= (2 if passphrase is None else 1)


def test_a_changed_key_file_is_read_again(tmp_path: pathlib.Path) -> None:
    key_file(tmp_path / "id")
    first = authentication._read_key(str(tmp_path / "id"), None)
    assert authentication._read_key(str(tmp_path / "id"), None) is first
    key_file(tmp_path / "id")
    os.utime(tmp_path / "id", ns=(1, 1))
    assert authentication._read_key(str(tmp_path / "id"), None) != first


def test_an_encrypted_identity_file_is_passed_over(tmp_path: pathlib.Path) -> None:
    """The password is for the device; only a key that is asked for by name is opened with it."""
    line = key_file(tmp_path / "id", PASSWORD)
    config = tmp_path / "config"
    config.write_text(f"IdentityFile {tmp_path}/id\n")
    with serving(Behaviour(public_key=line)) as server:
        log_in(server, tmp_path, ssh_arguments=f"-F {config}")
        assert server.told == [("password", PASSWORD)]


class Fake:
    """A transport whose attempts end as they are told to."""

    def __init__(self, **attempts: Attempt) -> None:
        self.tried: list[str] = []
        self._attempts = attempts

    def __getattr__(self, name: str) -> Any:
        def attempt(*_arguments: object) -> Attempt:
            self.tried.append(name)
            return self._attempts[name]

        return attempt


def test_a_device_that_wants_a_key_and_a_password(tmp_path: pathlib.Path) -> None:
    key_file(tmp_path / "id")
    settings = Settings("ce1", password=PASSWORD, private_key_file=str(tmp_path / "id"), allow_agent=False)
    further = Attempt(methods=["password"], further=True)
    fake: Any = Fake(try_key=further, try_password=Attempt(done=True))
    authenticate(fake, USER, settings, ())
    assert fake.tried == ["try_key", "try_password"]
    with pytest.raises(LoginRefused, match="wants more than the key: password"):
        authenticate(fake, USER, dataclasses.replace(settings, password=None), ())


def test_a_device_that_wants_more_than_the_password() -> None:
    fake: Any = Fake(try_none=Attempt(methods=["password"]), try_password=Attempt(methods=["publickey"], further=True))
    with pytest.raises(LoginRefused, match="wants more than the password: publickey"):
        authenticate(fake, USER, Settings("ce1", password=PASSWORD), ())


def test_a_device_without_authentication() -> None:
    fake: Any = Fake(try_none=Attempt(done=True))
    authenticate(fake, USER, Settings("ce1", password=PASSWORD), ())
    assert fake.tried == ["try_none"]


def test_identity_files_of_the_ssh_configuration_are_tried(tmp_path: pathlib.Path) -> None:
    line = key_file(tmp_path / "id")
    config = tmp_path / "config"
    config.write_text(f"Host 127.*\n  IdentityFile {tmp_path}/absent\n  IdentityFile {tmp_path}/id\n")
    with serving(Behaviour(public_key=line, password=False)) as server:
        log_in(server, tmp_path, password=None, ssh_arguments=f"-F {config}")
        with pytest.raises(SshError):
            log_in(server, tmp_path, password=None)
