# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP lines of VRP, written once: the same table reads lines and writes them.

A form is written as in Huawei's command references, without the first word: plain words are keywords, ``<kind>`` is a
value (see ``grammar.values``), ``[ ... ]`` is optional, and ``[ a <a> | b ] *`` is any of them, each at most once, in
any order, where ``b`` is a word without a value. ``{trusted}`` is the dialect's word. ``grammar.language`` gives these
notations their meaning.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class View(enum.Enum):
    """The view that a line belongs to."""

    SYSTEM = "system"
    INTERFACE = "interface"


@dataclass(frozen=True, slots=True)
class Form:
    """One line of the language.

    Attributes:
        name: what the line states.
        view: its view.
        syntax: the line after ``ntp`` or ``ntp-service``.
        undo: what follows ``undo ntp`` to take the line back, or None where another line does that.
        ours: whether the model holds what the line states.
        server_user: whether a line outside the model tells that the device serves time to others than multicast
            clients, so that its server function, its sources and its reference clock are not ours alone.
    """

    name: str
    view: View
    syntax: str
    undo: str | None = None
    ours: bool = True
    server_user: bool = False


def _system(name: str, syntax: str, undo: str | None = None) -> Form:
    return Form(name, View.SYSTEM, syntax, undo)


def _interface(name: str, syntax: str, undo: str) -> Form:
    return Form(name, View.INTERFACE, syntax, undo)


def _foreign(view: View, *syntaxes: str, server_user: bool = False) -> tuple[Form, ...]:
    return tuple(Form("foreign", view, syntax, syntax, ours=False, server_user=server_user) for syntax in syntaxes)


# Fact 1.8. The last of them are outside the model, and both words of the two dialects are read.
_UPSTREAM_OPTIONS = (
    "authentication-keyid <key_id> | port <port> | source-interface <port_name> | vpn-instance <vpn_instance> | "
    "preferred | preference | maxpoll <maxpoll> | minpoll <minpoll> | burst | iburst | preempt"
)

# Sources: facts 1.1 to 1.6 and 1.8, that is the command references of CE6800 V300R023C00 and NE40E V800R012C10.
FORMS: tuple[Form, ...] = (
    _system("authentication", "authentication enable", "authentication enable"),
    _system(
        "key",
        "authentication-keyid <key_id> authentication-mode <algorithm> [ cipher ] <secret>",
        "authentication-keyid <key_id>",
    ),
    _system("trust", "{trusted} authentication-keyid <key_id>", "{trusted} authentication-keyid <key_id>"),
    _system("ipv4_server_disable", "server disable", "server disable"),
    _system("ipv6_server_disable", "ipv6 server disable", "ipv6 server disable"),
    _system("ipv4_listen_all", "server source-interface all <switch>"),
    _system("ipv6_listen_all", "ipv6 server source-interface all <switch>"),
    _system("ipv4_listen", "server source-interface <interface>", "server source-interface <interface>"),
    _system("ipv6_listen", "ipv6 server source-address <ipv6_address>", "ipv6 server source-address <ipv6_address>"),
    _system("reference_clock", "refclock-master [ <local_clock> ] [ <stratum> ]", "refclock-master [ <local_clock> ]"),
    _system(
        "ipv4_upstream",
        f"unicast-server <ipv4_host> [ version <version> | {_UPSTREAM_OPTIONS} ] *",
        "unicast-server <ipv4_host> [ vpn-instance <vpn_instance> ]",
    ),
    _system(
        "ipv6_upstream",
        f"unicast-server ipv6 <ipv6_host> [ {_UPSTREAM_OPTIONS} ] *",
        "unicast-server ipv6 <ipv6_host> [ vpn-instance <vpn_instance> ]",
    ),
    _interface(
        "ipv4_multicast_server",
        "multicast-server [ <ipv4_group> ] "
        "[ authentication-keyid <key_id> | ttl <ttl> | version <version> | port <port> ] *",
        "multicast-server [ <ipv4_group> ]",
    ),
    _interface(
        "ipv6_multicast_server",
        "multicast-server ipv6 [ <ipv6_group> ] [ authentication-keyid <key_id> | ttl <ttl> | port <port> ] *",
        "multicast-server ipv6 [ <ipv6_group> ]",
    ),
    _interface("ipv4_multicast_client", "multicast-client [ <ipv4_group> ]", "multicast-client [ <ipv4_group> ]"),
    _interface(
        "ipv6_multicast_client", "multicast-client ipv6 [ <ipv6_group> ]", "multicast-client ipv6 [ <ipv6_group> ]"
    ),
    *_foreign(
        View.SYSTEM,
        "unicast-server <anything>",
        "unicast-peer <anything>",
        "ipv6 unicast-server <anything>",
        "ipv6 unicast-peer <anything>",
        "ipv6 server source-address <ipv6_address> vpn-instance <anything>",
        "server physic-isolate <anything>",
        "ipv6 server physic-isolate <anything>",
        "refclock-master <other_clock> [ <stratum> ]",
        "access <anything>",
        "kod-enable",
        "discard <anything>",
        server_user=True,
    ),
    *_foreign(
        View.SYSTEM,
        "max-dynamic-sessions <anything>",
        "max-distance <anything>",
        "source-interface <anything>",
        "ipv6 source-interface <anything>",
        "source-port <anything>",
        "port <anything>",
        "sync-interval <anything>",
        "offset-limit <anything>",
        "disable",
        "ipv6 disable",
        "enable",
        "authentication-password <anything>",
    ),
    *_foreign(
        View.INTERFACE,
        "broadcast-server [ <anything> ]",
        "manycast-server [ <anything> ]",
        server_user=True,
    ),
    *_foreign(
        View.INTERFACE,
        "broadcast-client",
        "manycast-client [ <anything> ]",
        "receive disable",
        "ipv6 receive disable",
        "in-interface disable",
        "ipv6 in-interface disable",
    ),
)
