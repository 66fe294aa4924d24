# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status socket: how a running engine is asked what it does.

A client of the status socket sends one line, the word `status`, and gets one JSON document.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ntp_multicast_engine.errors import ControlError

REQUEST = b"status\n"
MAXIMUM_REQUEST = 64
MAXIMUM_CONNECTIONS = 8
_MAXIMUM_ANSWER = 1 << 22
_TIMEOUT = 5.0


def understand(data: bytes) -> bool | None:
    """Whether a request's octets so far are the known request; None, as long as they may become it.

    :raises ControlError: they can't.
    """
    if len(data) <= MAXIMUM_REQUEST and b"\n" not in data:
        return None
    line, _newline, rest = data.partition(b"\n")
    if line.strip() != REQUEST.strip() or rest.strip():
        raise ControlError("the only request is `status`")
    return True


class ControlServer:
    """The listening end. `status` makes the document at the moment when it is asked for.

    :param unwatch: called with the socket of a connection that is dropped without its turn.
    :raises ControlError: another engine answers at the path already, or the socket can't be made.
    """

    def __init__(
        self,
        path: str,
        status: Callable[[], Mapping[str, Any]],
        unwatch: Callable[[socket.socket], object] = lambda _socket: None,
    ) -> None:
        self._path = path
        self._status = status
        self._unwatch = unwatch
        self.connections: dict[socket.socket, Connection] = {}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            _remove_dead_socket(path)
            self.socket.bind(path)
            os.chmod(path, 0o660)
            self.socket.listen(MAXIMUM_CONNECTIONS)
        except OSError as error:
            self.socket.close()
            raise ControlError(f"can't make the status socket {path}: {error.strerror}") from error

    def accept(self) -> Connection | None:
        """The next connection; None, if there is none. Of too many the oldest is dropped."""
        try:
            sock, _address = self.socket.accept()
        except OSError:
            return None
        sock.setblocking(False)
        if len(self.connections) >= MAXIMUM_CONNECTIONS:
            # Whoever asks nothing, or doesn't read, keeps nobody else away.
            oldest = next(iter(self.connections.values()))
            self._unwatch(oldest.socket)
            self.drop(oldest)
        connection = Connection(sock)
        self.connections[sock] = connection
        return connection

    def serve(self, connection: Connection) -> bool:
        """Go on with a connection that is readable or writable; False, when it is done with and closed."""
        try:
            if connection.answer is None:
                connection.read()
                if understand(connection.request) is None:
                    return True
                connection.answer = json.dumps(self._status()).encode("utf-8") + b"\n"
            if connection.write():
                return True
        except (OSError, EOFError, ControlError):
            pass
        self.drop(connection)
        return False

    def drop(self, connection: Connection) -> None:
        self.connections.pop(connection.socket, None)
        connection.socket.close()

    def close(self) -> None:
        for connection in list(self.connections.values()):
            self.drop(connection)
        self.socket.close()
        Path(self._path).unlink(missing_ok=True)


class Connection:
    """One client of the status socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.request = b""
        self.answer: bytes | None = None

    def read(self) -> None:
        data = self.socket.recv(MAXIMUM_REQUEST + 1 - len(self.request))
        if not data:
            raise EOFError
        self.request += data

    def write(self) -> bool:
        """Send what the client takes; True, if something is left."""
        while self.answer:
            try:
                sent = self.socket.send(self.answer)
            except BlockingIOError:
                return True
            self.answer = self.answer[sent:]
        return False


def _remove_dead_socket(path: str) -> None:
    """Remove what a crashed engine left behind, but never the socket of a living one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            # So does the kernel answer where there is no socket at all.
            if not Path(path).is_socket():
                raise ControlError(f"can't make the status socket {path}: a file of that name is no socket") from None
            Path(path).unlink(missing_ok=True)
            return
    raise ControlError(f"another engine answers at {path}")


def ask(path: str) -> dict[str, Any]:
    """The status of the engine whose socket is at `path`; raises ControlError."""
    deadline = time.monotonic() + _TIMEOUT
    data = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(_TIMEOUT)
            sock.connect(path)
            sock.sendall(REQUEST)
            while len(data) < _MAXIMUM_ANSWER and time.monotonic() < deadline:
                part = sock.recv(65536)
                if not part:
                    break
                data += part
    except PermissionError as error:
        raise ControlError(f"only root and the service's group may ask the engine at {path}: use sudo") from error
    except OSError as error:
        raise ControlError(f"no engine answers at {path}: {error.strerror or error}") from error
    if not data:
        raise ControlError(f"the engine at {path} has hung up without an answer")
    return decode_answer(data)


def decode_answer(data: bytes) -> dict[str, Any]:
    """Read an answer's octets; raises ControlError if they aren't a JSON object."""
    try:
        document = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ControlError("the answer of the status socket is not JSON") from error
    if not isinstance(document, dict):
        raise ControlError("the answer of the status socket is not an object")
    return document
