# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH transport: which algorithms are offered, what the device offers, and one request for authentication."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from .library import AuthHandler, Transport, paramiko

# paramiko writes an error with its traceback to a log. Where nobody set up logging, Python prints that to the standard
# error output, and with Ansible's log_path it is in the user's log. The error itself reaches us as an exception.
_LOG = "timecast.ntp_multicast.vrp_ssh"
logging.getLogger(_LOG).addHandler(logging.NullHandler())
logging.getLogger(_LOG).propagate = False

LEGACY_MARKS = {
    "kex": ("sha1",),
    "keys": ("ssh-rsa", "ssh-dss"),
    "pubkeys": ("ssh-rsa", "ssh-dss"),
    "ciphers": ("-cbc", "arcfour"),
    "macs": ("hmac-sha1", "hmac-md5"),
}
PREFERENCES = {
    "kex": "_preferred_kex",
    "keys": "_preferred_keys",
    "pubkeys": "_preferred_pubkeys",
    "ciphers": "_preferred_ciphers",
    "macs": "_preferred_macs",
}
# An RSA key signs with any of these (RFC 8332, section 3).
_RSA = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
# Some devices make signatures with it that can't be read (fact 9.10).
NISTP521 = "ecdsa-sha2-nistp521"


def legacy_algorithms() -> dict[str, list[str]]:
    """What paramiko would offer and what is refused by default."""
    return {
        kind: [
            name
            for name in getattr(paramiko.Transport, attribute, ())
            if any(mark in name for mark in LEGACY_MARKS[kind])
        ]
        for kind, attribute in PREFERENCES.items()
    }


def key_order(preferred: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The types of host key in the order in which to ask for them: the known ones first, as OpenSSH does, and last the
    one that some devices make mistakes with."""
    wanted = [name for kind in known for name in (_RSA if kind == "ssh-rsa" else (kind,))]
    place = {name: index for index, name in enumerate(wanted)}
    return tuple(sorted(preferred, key=lambda name: (place.get(name, len(place)), name == NISTP521)))


class DeviceTransport(Transport):
    """paramiko's transport, which also tells what the device offered and said."""

    def __init__(self, sock: Any, known_kinds: Iterable[str], *, legacy: bool, timeout: float) -> None:
        super().__init__(sock, disabled_algorithms=None if legacy else legacy_algorithms())
        self.set_log_channel(_LOG)
        own: Any = self
        own._preferred_keys = key_order(own._preferred_keys, known_kinds)
        self.banner_timeout = timeout
        self.handshake_timeout = timeout
        self.auth_timeout = timeout
        self.channel_timeout = timeout
        self.offered: dict[str, list[str]] = {}
        self.farewell = ""

    def failure(self) -> Exception | None:
        """What ended the transport's thread."""
        own: Any = self
        failure: Exception | None = own.saved_exception
        return failure

    def _really_parse_kex_init(self, m: Any, ignore_first_byte: bool = False) -> dict[str, Any]:
        own: Any = super()
        parsed: dict[str, Any] = own._really_parse_kex_init(m, ignore_first_byte)
        if not ignore_first_byte:  # else it is the message that was sent
            self.offered = {name: list(value) for name, value in parsed.items() if isinstance(value, list)}
        return parsed

    def _parse_disconnect(self, m: Any) -> None:
        own: Any = super()
        m.get_int()
        self.farewell = m.get_text().strip()
        m.rewind()
        own._parse_disconnect(m)

    # -- authentication ------------------------------------------------------------------------------------------------

    def try_none(self, user: str) -> Attempt:
        """Ask which methods there are; some servers let a user in at once."""
        return self._attempt(lambda handler, event: handler.auth_none(user, event))

    def try_password(self, user: str, password: str) -> Attempt:
        """Log in with the method `password`."""
        return self._attempt(lambda handler, event: handler.auth_password(user, password, event))

    def try_key(self, user: str, key: Any) -> Attempt:
        """Log in with a key."""
        return self._attempt(lambda handler, event: handler.auth_publickey(user, key, event))

    def try_questions(self, user: str, answer: Callable[..., list[str]]) -> Attempt:
        """Log in by answering questions."""
        return self._attempt(lambda handler, event: handler.auth_interactive(user, answer, event))

    def _attempt(self, start: Callable[[Any, threading.Event], None]) -> Attempt:
        own: Any = self
        if own.auth_handler is None:
            own.auth_handler = OneServiceHandler(self)
        handler = own.auth_handler
        event = threading.Event()
        failures = handler.failures
        start(handler, event)
        try:
            left = handler.wait_for_response(event)
        except paramiko.BadAuthenticationType as error:
            return Attempt(methods=list(error.allowed_types))
        except paramiko.AuthenticationException:
            # A device that hangs up after its answer has answered all the same.
            if handler.failures == failures:
                raise
            return Attempt(methods=handler.methods, refused=True)
        return Attempt(done=not left, methods=list(left), further=bool(left))


class Attempt:
    """How an attempt to log in ended.

    methods: what the device takes now
    refused: the device looked at what was shown; else the method is not among those it takes
    further: right so far, and the device wants another method as well
    """

    def __init__(
        self, *, done: bool = False, methods: list[str] | None = None, refused: bool = False, further: bool = False
    ) -> None:
        self.done = done
        self.methods = methods or []
        self.refused = refused
        self.further = further


class OneServiceHandler(AuthHandler):
    """Asks for the authentication service once on a connection, whatever the number of attempts.

    paramiko asks again with each, which not every server allows (RFC 4253, section 10).
    """

    def __init__(self, transport: Any) -> None:
        super().__init__(transport)
        self.methods: list[str] = []
        self.failures = 0
        self._accepted = False

    def _request_auth(self) -> None:
        own: Any = super()
        if not self._accepted:
            own._request_auth()
            return
        accepted = paramiko.Message()
        accepted.add_string("ssh-userauth")
        accepted.rewind()
        own._parse_service_accept(accepted)

    def _parse_service_accept(self, m: Any) -> None:
        own: Any = super()
        self._accepted = True
        own._parse_service_accept(m)

    def _parse_userauth_failure(self, m: Any) -> None:
        own: Any = super()
        self.methods = m.get_list()
        self.failures += 1
        m.rewind()
        own._parse_userauth_failure(m)
