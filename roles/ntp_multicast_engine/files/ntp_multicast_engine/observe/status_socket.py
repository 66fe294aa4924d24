# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status socket: how a running engine is asked what it does.

Whatever a client of the status socket sends, it gets one JSON document.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ntp_multicast_engine.errors import ControlError

REQUEST = b"status\n"
_MAXIMUM_REQUEST = 64
MAXIMUM_CONNECTIONS = 8
_MAXIMUM_ANSWER = 1 << 22
_TIMEOUT = 5.0


class ControlServer:
    """The listening end. `status` makes the document at the moment when it is asked for.

    :param selector: its data are what to call when a socket is ready.
    :raises ControlError: another engine answers at the path already, or the socket can't be made.
    """

    def __init__(self, path: str, status: Callable[[], Mapping[str, Any]], selector: selectors.BaseSelector) -> None:
        self._path = path
        self._status = status
        self._selector = selector
        self._clients: list[socket.socket] = []
        """The oldest first."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _remove_dead_socket(path)
            self._socket.bind(path)
            os.chmod(path, 0o660)
            self._socket.listen(MAXIMUM_CONNECTIONS)
        except OSError as error:
            self._socket.close()
            raise ControlError(f"can't make the status socket {path}: {error.strerror}") from error
        selector.register(self._socket, selectors.EVENT_READ, self._accept)

    def _accept(self) -> None:
        try:
            client, _address = self._socket.accept()
        except OSError:
            return
        client.setblocking(False)
        if len(self._clients) >= MAXIMUM_CONNECTIONS:
            # Whoever asks nothing, or doesn't read, keeps nobody else away.
            self._drop(self._clients[0])
        self._clients.append(client)
        self._selector.register(client, selectors.EVENT_READ, lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            asked = client.recv(_MAXIMUM_REQUEST)
        except OSError:
            asked = b""
        if asked:
            self._write(client, json.dumps(self._status()).encode("utf-8") + b"\n")
        else:
            self._drop(client)

    def _write(self, client: socket.socket, answer: bytes) -> None:
        """Send what the client takes, and the rest when it takes more."""
        try:
            rest = answer[client.send(answer) :]
        except BlockingIOError:
            rest = answer
        except OSError:
            rest = b""
        if not rest:
            self._drop(client)
            return
        self._selector.modify(client, selectors.EVENT_WRITE, lambda: self._write(client, rest))

    def _drop(self, client: socket.socket) -> None:
        self._clients.remove(client)
        self._selector.unregister(client)
        client.close()

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._socket)
        self._socket.close()
        Path(self._path).unlink(missing_ok=True)


def _remove_dead_socket(path: str) -> None:
    """Remove what a crashed engine left behind, but never the socket of a living one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
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
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(_TIMEOUT)
            sock.connect(path)
            sock.sendall(REQUEST)
            with sock.makefile("rb") as answer:
                data = answer.read(_MAXIMUM_ANSWER)
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
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ControlError("the answer of the status socket is not JSON") from error
    if not isinstance(document, dict):
        raise ControlError("the answer of the status socket is not an object")
    return document
