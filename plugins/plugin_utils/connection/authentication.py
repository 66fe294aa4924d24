# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who logs in with what: keys, then the password, and nothing twice, since devices count failed attempts."""

from __future__ import annotations

import base64
import binascii
import contextlib
import functools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import LoginRefused
from .library import paramiko
from .settings import Settings
from .transport import Attempt, DeviceTransport

_CERTIFICATE = "-cert.pub"
_MAGIC = b"openssh-key-v1\x00"
_OWN_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
# Words of questions that a login password is no answer to.
_NOT_THE_PASSWORD = re.compile(
    r"(?<![\w-])(new|old|current|again|re-?(?:enter|type)|confirm(?:ation)?|change|expired|token|otp|totp|one[- ]?time|"
    r"code|passcode|pin|challenge|verification|2fa|mfa|second|factor|dynamic|response|securid|authenticator|tokencode|"
    r"tan|sms|yubikey|duo|rsa|radius[- ]challenge|s/?key|otp-\w+|(?:two|multi)-?factor|reset|update|choose|set|create|"
    r"temporary|verify|next|2|ii|neue\w*|alte\w*|einmal\w*|wiederhol\w*|nouveau|ancien|confirmez|nuev[ao]|"
    r"\u043d\u043e\u0432\w+|\u0441\u0442\u0430\u0440\w+|\u043f\u043e\u0432\u0442\u043e\u0440\w+|"
    r"one[- ]time[- ]\w+|(?:verification|token|otp|sms|pin|access|security)[- ]code)(?![\w-])"
    # new, old, dynamic, one-time, again, confirm
    r"|[\u65b0\u65e7\u820a]|\u52a8\u6001|\u52d5\u614b|\u4e00\u6b21\u6027|\u518d\u6b21|\u786e\u8ba4|\u78ba\u8a8d",
    re.IGNORECASE,
)
# The word for it, or the beginning of the word, in the languages that servers speak.
_PASSWORD = re.compile(
    r"passw|passord|passe?\b|pass ?phrase|kennwort|mot de passe|contrase|senha|wachtwoord|l\u00f6senord|has\u0142o|"
    r"heslo|jelsz\u00f3|salasana|adgangskode|parola|\u015fifre|\u043f\u0430\u0440\u043e\u043b\u044c|m\u1eadt kh\u1ea9u|"
    r"\u5bc6\u7801|\u5bc6\u78bc|\u53e3\u4ee4|\u30d1\u30b9\u30ef\u30fc\u30c9|\ube44\ubc00\ubc88\ud638|\uc554\ud638",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[^\W\d_]")
_QUESTION_WIDTH = 200  # characters of the device's words that are quoted


class Answers:
    """The answers to the questions of keyboard-interactive (RFC 4256).

    The first round that asks one hidden question gets the password. Anything else, say for a token or a new password,
    is for a person.
    """

    def __init__(self, password: str) -> None:
        self._password = password
        self._first = ""
        self._given = False

    def __call__(self, title: str, instructions: str, questions: Sequence[tuple[str, bool]]) -> list[str]:
        """Called by paramiko with each round. Raises LoginRefused."""
        if not questions:  # a round that only tells something
            return []
        asked = " / ".join(words.strip() for words, _shown in questions)
        if self._given and asked == self._first:
            raise LoginRefused("the device asks for the password again. Check ansible_user and ansible_password.")
        told = " ".join(words.strip() for words in (title, instructions) if words.strip())
        # What does not name the password is asked for by the words before it.
        meant = _without_names(asked if _PASSWORD.search(asked) else f"{told} {asked}")
        if self._given or len(questions) > 1 or questions[0][1] or not _is_for_the_password(meant):
            raise LoginRefused(
                f"the device asks for more than the password{': ' if told else ''}{_one_line(told)} "
                f'(question: "{_one_line(asked)}"). Log in by hand and answer it.'
            )
        self._given = True
        self._first = asked
        return [self._password]


def _without_names(words: str) -> str:
    """The words without names of users and hosts: `ops@new's password:` speaks of a host."""
    return " ".join(word for word in words.split() if "@" not in word)


def _is_for_the_password(words: str) -> bool:
    """Whether these words ask for the login password: they name it, or say nothing at all."""
    if _NOT_THE_PASSWORD.search(words):
        return False
    return _PASSWORD.search(words) is not None or _LETTER.search(words) is None


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:_QUESTION_WIDTH]


@dataclass(frozen=True)
class Key:
    """A private key. opened_with_password: the password belongs to the key, so it is not for the device."""

    key: Any
    opened_with_password: bool = False


def authenticate(transport: DeviceTransport, user: str, settings: Settings, identity_files: Sequence[str]) -> None:
    """Log in. Raises LoginRefused, and what paramiko raises for a lost or silent device."""
    password = settings.password
    attempt: Attempt | None = None
    shown = 0
    for key in _keys(settings, identity_files):
        if attempt is not None and "publickey" not in attempt.methods:
            break
        if key.opened_with_password:
            password = None
        attempt = transport.try_key(user, key.key)
        shown += 1
        if attempt.done:
            return
        if attempt.further:
            break
    if password is None:
        raise LoginRefused(_without_password(attempt, shown, opened=settings.password is not None))
    _with_password(transport, user, password, attempt)


def _without_password(attempt: Attempt | None, shown: int, *, opened: bool) -> str:
    if attempt is not None and attempt.further:
        return f"the device wants more than the key: {' or '.join(attempt.methods)}. Set ansible_password."
    if opened:
        return "the device does not take the private key that ansible_password opened."
    if shown:
        keys = "the key" if shown == 1 else f"any of {shown} keys"
        return f"the device does not take {keys}, and there is no password. Check the key or set ansible_password."
    return "there is neither a password nor a key. Set ansible_password or ansible_private_key_file."


def _with_password(transport: DeviceTransport, user: str, password: str, attempt: Attempt | None) -> None:
    if attempt is None:
        # The methods are asked for first: a password sent by one that the device does not take counts as a failure.
        attempt = transport.try_none(user)
        if attempt.done:
            return
    if "password" in attempt.methods:
        last = transport.try_password(user, password)
    elif "keyboard-interactive" in attempt.methods:
        last = transport.try_questions(user, Answers(password))
    else:
        raise LoginRefused(
            f"the device takes no password here, only {' or '.join(attempt.methods) or 'nothing'}. "
            "Set ansible_private_key_file."
        )
    if last.further:
        raise LoginRefused(f"the device wants more than the password: {' or '.join(last.methods)}.")
    if not last.done:
        raise LoginRefused("wrong user, password or key. Check ansible_user, ansible_password and the private key.")


# -- keys --------------------------------------------------------------------------------------------------------------


def _keys(settings: Settings, identity_files: Sequence[str]) -> Iterator[Key]:
    """The key that is asked for, those of the SSH configuration, of the agent, and the user's own."""
    password = settings.password
    if settings.private_key_file:
        yield _required_key(os.path.expanduser(settings.private_key_file), password)
    else:
        yield from _usable_keys(os.path.expanduser(name) for name in identity_files)
    if settings.allow_agent if settings.allow_agent is not None else not password:
        agent = paramiko.Agent()
        try:
            yield from (Key(key) for key in agent.get_keys())
        finally:
            agent.close()
    if settings.look_for_keys:
        yield from _usable_keys(os.path.expanduser(f"~/.ssh/{name}") for name in _OWN_KEYS)


def _required_key(path: str, password: str | None) -> Key:
    path = path.removesuffix(_CERTIFICATE)
    try:
        try:
            return Key(_read_key(path, None))
        except paramiko.PasswordRequiredException:
            if not password:
                raise
        return Key(_read_key(path, password), opened_with_password=True)
    except paramiko.PasswordRequiredException:
        raise LoginRefused(
            f"the private key {path} is encrypted, and there is no ansible_password to open it."
        ) from None
    except OSError as error:
        raise LoginRefused(f"the private key {path} can't be read: {error.strerror or error}.") from None
    except (paramiko.SSHException, ValueError) as error:
        raise LoginRefused(f"the private key {path} can't be used: {error}") from None


def _usable_keys(paths: Iterable[str]) -> Iterator[Key]:
    """What is there and can be read without a passphrase, since ansible_password is not for these. OpenSSH passes over
    the others too where nobody can be asked."""
    for path in paths:
        with contextlib.suppress(OSError, ValueError, paramiko.SSHException):
            yield Key(_read_key(path.removesuffix(_CERTIFICATE), None))


def _read_key(path: str, passphrase: str | None) -> Any:
    """The key with the certificate beside it. To open one takes a second on purpose, so a fleet opens it once."""
    certificate = path + _CERTIFICATE
    changed = os.stat(certificate).st_mtime_ns if os.path.isfile(certificate) else 0
    return _opened(path, passphrase, os.stat(path).st_mtime_ns, changed)


@functools.lru_cache(maxsize=16)
def _opened(path: str, passphrase: str | None, _changed: int, certificate: int) -> Any:
    failure: Exception | None = None
    for kind in _kinds(path):
        try:
            key = kind.from_private_key_file(path, passphrase)
        except paramiko.PasswordRequiredException:
            raise
        except (paramiko.SSHException, ValueError, IndexError) as error:
            failure = failure or error
            continue
        if certificate:
            key.load_certificate(path + _CERTIFICATE)
        return key
    raise paramiko.SSHException(str(failure or "unknown type"))


def _kinds(path: str) -> list[Any]:
    """paramiko's classes of keys, that of the file alone where the file tells its type. Each tries to decrypt it."""
    names = ("Ed25519Key", "ECDSAKey", "RSAKey", "DSSKey")
    classes = {name: getattr(paramiko, name) for name in names if hasattr(paramiko, name)}
    told = _type_of_file(path)
    for mark, name in (("ed25519", "Ed25519Key"), ("ecdsa", "ECDSAKey"), ("rsa", "RSAKey"), ("dss", "DSSKey")):
        if mark in told and name in classes:
            return [classes[name]]
    return list(classes.values())


def _type_of_file(path: str) -> str:
    """The type in the unencrypted head of a file in OpenSSH's own format, "" for another format.

    The head is the magic, the strings cipher, kdf and kdf options, the number of keys, and the public key, which begins
    with its type (PROTOCOL.key of OpenSSH).
    """
    with open(path, encoding="ascii", errors="replace") as file:
        lines = file.read().split("\n")
    body = "".join(line.strip() for line in lines if line and not line.startswith("-----"))
    try:
        data = base64.b64decode(body)
    except (binascii.Error, ValueError):
        return ""
    if not data.startswith(_MAGIC):
        return ""
    message = paramiko.Message(data[len(_MAGIC) :])
    for _unused in ("cipher", "kdf", "kdf options"):
        message.get_string()
    message.get_int()
    public: str = paramiko.Message(message.get_string()).get_text()
    return public
