# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exchanges with servers that are under way: a request each, from a socket of its own, and its answer."""

from __future__ import annotations

import selectors
from collections.abc import Callable

from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.instant import Clock
from ntp_multicast_engine.net.request_socket import RequestSocket
from ntp_multicast_engine.net.sockets import advice_for
from ntp_multicast_engine.protocol.association import Association, Failure, SendRequest
from ntp_multicast_engine.protocol.system import Engine


class PollIo:
    """:param selector: its data are what to call when a socket is ready.
    :param changed: called when an answer has told something of a server's time.
    """

    def __init__(
        self, engine: Engine, clock: Clock, selector: selectors.BaseSelector, changed: Callable[[Association], None]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._selector = selector
        self._changed = changed
        self._requests: dict[Association, RequestSocket] = {}

    def begin(self, action: SendRequest) -> None:
        association = action.association
        group = association.configuration
        self.end(association)
        try:
            opened = RequestSocket(association.source, group.volley_port, group.interface, self._clock)
            self._requests[association] = opened
            self._selector.register(opened.socket, selectors.EVENT_READ, lambda: self._read(association, opened))
            association.request_sent(opened.send(action.data))
        except (OSError, TransportError) as error:
            # What comes of it later, as from a firewall that rejects, tells less.
            self.end(association)
            association.request_failed(_failure(error))
            return
        self._engine.sent += 1

    def end(self, association: Association) -> None:
        opened = self._requests.pop(association, None)
        if opened is not None:
            self._selector.unregister(opened.socket)
            opened.close()

    def close(self) -> None:
        for association in list(self._requests):
            self.end(association)

    def _read(self, association: Association, opened: RequestSocket) -> None:
        departed = opened.departure()
        if departed is not None:
            association.request_sent(departed)
        try:
            datagram = opened.receive()
        except OSError as error:
            association.request_failed(_failure(error))
            return
        if datagram is None:
            return
        if datagram.truncated:
            self._engine.drop("truncated")
            return
        action = self._engine.take_response(association, datagram.data, datagram.arrival)
        if action is not None:
            self.end(action.association)
            if not association.warming_up:
                self._changed(association)


def _failure(error: OSError | TransportError) -> Failure:
    if isinstance(error, TransportError):
        return Failure(str(error), error.advice)
    return Failure(error.strerror or "error", advice_for(error.errno))
