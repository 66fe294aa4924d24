# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A responder never binds beside another program, however many sockets its own process has on the port."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ntp_multicast_engine.errors import TransportError
from ntp_multicast_engine.net.port_holders import named, others
from ntp_multicast_engine.net.sockets import ResponderSocket

OTHER = """
import socket, sys
family, address = (socket.AF_INET, "127.0.0.1") if sys.argv[1] == "4" else (socket.AF_INET6, "::1")
holder = socket.socket(family, socket.SOCK_DGRAM)
holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
holder.bind((address, 0))
print(holder.getsockname()[1], flush=True)
sys.stdin.read()
"""


OF_BOTH = """
import socket, sys
holder = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[2]))
holder.bind((sys.argv[1], 0))
print(holder.getsockname()[1], flush=True)
sys.stdin.read()
"""


@contextmanager
def program(text: str, *arguments: str) -> Iterator[int]:
    """The port that it has."""
    with subprocess.Popen(
        [sys.executable, "-c", text, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        try:
            yield int(other.stdout.readline())
        finally:
            other.stdin.close()


@pytest.mark.parametrize("address", ["::", "::ffff:0.0.0.0", "::ffff:127.0.0.1"])
def test_a_socket_of_ipv6_may_take_packets_of_ipv4(address: str) -> None:
    with program(OF_BOTH, address, "0") as port:
        [holder] = others(port, 4)
        assert "python" in named(holder)
        with pytest.raises(TransportError, match=f"port {port} of IPv4 is taken by python"):
            ResponderSocket(None, 4, port)


def test_a_socket_of_ipv6_alone_leaves_ipv4_to_others() -> None:
    with program(OF_BOTH, "::", "1") as port:
        assert others(port, 4) == []
        ResponderSocket(None, 4, port).socket.close()


@pytest.fixture(params=[4, 6])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def taken(version: int) -> Iterator[int]:
    """A port of another program, which would share it."""
    with program(OTHER, str(version)) as port:
        yield port


def own_socket(version: int, port: int = 0) -> socket.socket:
    """As a sender of this process has it."""
    made = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1" if version == 4 else "::1", port))
    return made


def test_another_program_is_seen_and_own_sockets_are_not(version: int, taken: int) -> None:
    [holder] = others(taken, version)
    assert "python" in named(holder) and "(pid " in named(holder)
    with own_socket(version) as own:
        assert not others(own.getsockname()[1], version)


@pytest.mark.parametrize("tries", [1, 3])
def test_a_port_that_another_program_has_is_not_taken_in_the_second_try_either(
    version: int, taken: int, tries: int
) -> None:
    """SO_REUSEADDR is on there, because this process has a sender on the port by then."""
    with own_socket(version, taken):
        for _unused in range(tries):
            with pytest.raises(TransportError, match=f"port {taken} of IPv{version} is taken by python"):
                ResponderSocket(None, version, taken)


def test_a_port_of_this_process_alone_is_shared(version: int) -> None:
    with own_socket(version) as own:
        ResponderSocket(None, version, own.getsockname()[1]).socket.close()
