# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the text of a device to the model.

The text may be a whole ``display current-configuration``, ``display this``, a filtered display, several of these one
after another, or lines as a person types them. What decides is the view: ``#`` alone at the margin ends it, an
unindented ``interface X`` begins that of an interface. What else stands at the margin inside the block of an interface
(a log, a trap, a debugging message, their second lines) is no configuration and changes no view. Each line is looked at
once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from types import MappingProxyType
from typing import cast

from ...ntp.comparison import DEFAULT_PORT
from ...ntp.interface_names import interface_key, interface_name, is_interface_name
from ...ntp.masking import mask
from ...ntp.model import (
    ALL,
    DEFAULT_GROUP_IPV4,
    DEFAULT_GROUP_IPV6,
    Authentication,
    Configuration,
    Interface,
    IpAddress,
    Key,
    MulticastClient,
    MulticastServer,
    Secret,
    ServerSettings,
    UpstreamServer,
)
from ...ntp.server_switch import is_bare
from ..dialect import Dialect
from ..errors import ParseError
from .cut_lines import CutLines
from .forms import View
from .language import GRAMMARS, Fields, Statement
from .telling import told_without_secrets
from .terminal_text import is_logged, terminal_lines

_NTP_LINE = re.compile(r"(undo[ \t]+)?(ntp(?:-service)?)[ \t]+(\S.*)")
_KEY_REFERENCE = re.compile(r"\bauthentication-keyid ([0-9]{1,10})\b")
_BANNER = re.compile(r"header (?:login|shell) information (\S)(.*)")
# Fact 1.5: this release shows `ntp server disable` alone. The manuals of the others name both lines.
_ADDS_ONE_LINE = re.compile(r"!\s*Software Version V200R005[A-Z0-9]*")
_INTERFACE_LINE = re.compile(r"interface[ \t]+(\S+)(?:[ \t]+(\S.*))?")
# An NTP line behind something else: a prompt, or a rest of whatever was on the screen.
_NTP_INSIDE = re.compile(
    r"(?<![a-z-])(?:(?i:undo)[ \t\xa0]+)?(?i:ntp(?:-service)?)[ \t\xa0]+"
    r"(?:authentication|trusted|reliable|server|ipv6|refclock-master|(?:multi|uni|broad|many)cast-"
    r"|AUTHENTICATION|TRUSTED|RELIABLE|SERVER|IPV6|REFCLOCK-MASTER|(?:MULTI|UNI|BROAD|MANY)CAST-)"
)
# What begins with a hyphen is a pager, whatever its words.
_IS_PROMPT_OR_PROSE = re.compile(r"^[<\[].*[>\]] *$|^[^-].*[A-Za-z]{2}[ \t]")
# Pagers of other programs, which are no prose.
_OTHER_PAGER = re.compile(
    r"(?i)[-=<>\[\](.\u2014*+]\s*more\b|\bpress (?:any|the|enter|space)\b|\bnext page\b|^\s*lines? [0-9]"
)
_LONGEST_MESSAGE = 8  # lines at the margin inside the block of an interface
_TELLS_OF_INTERFACE = ("ip", "port", "undo portswitch")
_NTP_WORDS = ("ntp", "undo ntp")
_LEAVES_VIEW = frozenset({"quit", "return", "commit", "system-view"})

DEFAULT_STRATUM = 8  # Fact 1.6.


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    """What the configuration of an interface says about its fitness for NTP multicast.

    Attributes:
        layer2: True for a switched port, False for a routed one, None if the configuration does not tell.
        ipv6_enabled: whether ``ipv6 enable`` is configured, which the IPv6 forms need (fact 1.3).
        ipv4_addresses: "address mask" as printed.
        ipv6_addresses: "address/length" as printed.
    """

    layer2: bool | None = None
    ipv6_enabled: bool = False
    ipv4_addresses: tuple[str, ...] = ()
    ipv6_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    """What a text of a device says about NTP multicast.

    Attributes:
        configuration: all three sections are there, whatever the text.
        dialect: the one that the NTP lines are written in, None if there are none and none was given.
        automatic: the lines that devices add by themselves, as printed (facts 0.2 and 1.5).
        interfaces: every interface that the text names, in its printed spelling.
        unknown: NTP lines that were not understood, secrets masked.
        outside: NTP lines that were understood and that the model does not hold, or not all of, secrets masked, with
            their view.
        blocks: whether the text has configuration at all: ``#`` between blocks, an interface, an NTP line.
        ended: whether the text has an end: ``return`` of a display, ``commit`` or ``quit`` of typed lines.
    """

    configuration: Configuration
    dialect: Dialect | None
    automatic: tuple[str, ...]
    interfaces: Mapping[str, InterfaceFacts]
    unknown: tuple[str, ...]
    outside: tuple[str, ...] = ()
    blocks: bool = True
    ended: bool = True


def parse_configuration(text: str, dialect: Dialect | None = None) -> DeviceConfiguration:
    """Read the NTP multicast configuration out of what a device prints.

    Args:
        text: what the device printed; prompts, echoes, timestamps, logs, pagers and ends of line do not matter.
        dialect: the device's spelling; without it the first NTP line decides. A line in the other spelling is unknown.

    Raises:
        ParseError: the text names two different systems (``sysname``), so it is not the configuration of one device; or
            a line was cut by a terminal in a way that leaves open what it says.
    """
    reader = _Reader(dialect)
    reader.read(terminal_lines(text))
    return reader.result()


@dataclass(slots=True)
class _InterfaceState:
    servers: dict[IpAddress, MulticastServer] = field(default_factory=dict)
    clients: dict[IpAddress, MulticastClient] = field(default_factory=dict)
    layer2: bool | None = None
    ipv6_enabled: bool = False
    ipv4_addresses: list[str] = field(default_factory=list)
    ipv6_addresses: list[str] = field(default_factory=list)

    def facts(self) -> InterfaceFacts:
        layer2 = self.layer2
        if layer2 is None and (self.ipv4_addresses or self.ipv6_addresses or self.ipv6_enabled):
            layer2 = False
        return InterfaceFacts(layer2, self.ipv6_enabled, tuple(self.ipv4_addresses), tuple(self.ipv6_addresses))


class _Reader:
    """Goes through the lines of a text and keeps what they state."""

    def __init__(self, dialect: Dialect | None) -> None:
        self._dialect = dialect
        self._lines: list[str] = []
        self._cut = CutLines([])
        self._sysname: str | None = None
        self._typed = False
        self._interfaces: dict[str, _InterfaceState] = {}
        self._printed: dict[str, str] = {}  # interface_key -> the spelling that came first
        self._view: _InterfaceState | None = None
        self._other_view = False
        self._authentication = False
        self._keys: dict[int, Fields] = {}
        self._trusted: set[int] = set()
        self._key_references: set[int] = set()
        self._listen: dict[str, None] = {}
        self._ipv6_listen: dict[str, None] = {}
        self._stratum: int | None = None
        self._upstream: dict[tuple[IpAddress, str | None], UpstreamServer] = {}
        self._server_disabled: dict[str, bool] = {}  # family -> whether the line stands or is explicitly undone
        self._foreign = False
        self._adds_ipv6_server_disable = True
        self._automatic: list[str] = []
        self._unknown: list[str] = []
        self._outside: list[str] = []
        self._view_name = ""
        self._server_users: list[str] = []
        self._blocks = False
        self._ended = False
        self._logging = False  # the line before was a log, or belonged to one
        self._framed = False  # `#` stands before the view, so that another one ends it
        self._handlers: dict[str, Callable[[Statement], None]] = {
            "authentication": self._on_authentication,
            "key": self._on_key,
            "trust": self._on_trust,
            "ipv4_server_disable": lambda line: self._server_disabled.update(ipv4=not line.undo),
            "ipv6_server_disable": lambda line: self._server_disabled.update(ipv6=not line.undo),
            "ipv4_listen_all": lambda line: _set(self._listen, ALL, line.fields["switch"] == "enable"),
            "ipv6_listen_all": lambda line: _set(self._ipv6_listen, ALL, line.fields["switch"] == "enable"),
            "ipv4_listen": self._on_listen,
            "ipv6_listen": lambda line: _set(self._ipv6_listen, line.fields["ipv6_address"], not line.undo),
            "reference_clock": self._on_reference_clock,
            "ipv4_upstream": self._on_upstream,
            "ipv6_upstream": self._on_upstream,
            "ipv4_multicast_server": self._on_multicast_server,
            "ipv6_multicast_server": self._on_multicast_server,
            "ipv4_multicast_client": self._on_multicast_client,
            "ipv6_multicast_client": self._on_multicast_client,
        }

    # Lines and views

    def read(self, lines: list[str]) -> None:
        self._lines = list(_outside_banners(lines))
        self._cut = CutLines(self._lines)
        position = 0
        while position < len(self._lines):
            position += self._on_line(position)

    def _on_line(self, position: int) -> int:
        """Take the line at a position; return how many lines it was cut into."""
        line = self._lines[position].rstrip()
        first = line[0]
        if first in " \t":
            return self._on_indented_line(line.lstrip(), position)
        if line == "#":
            self._leave_view(other=False)
            self._blocks, self._ended = True, False
        elif line.startswith(_NTP_WORDS):
            return self._on_ntp_text(position, indented=False)
        elif first == "*" and line[1:].lstrip().startswith(_NTP_WORDS):
            # Fact 2.1: `*` marks the configuration of hardware that is absent.
            self._on_ntp_line(line[1:].lstrip(), indented=False)
        else:
            self._on_margin_line(line[1:].lstrip() if first == "*" else line, position)
        return 1

    def _on_indented_line(self, line: str, position: int) -> int:
        if line.startswith(_NTP_WORDS):
            return self._on_ntp_text(position, indented=True)
        if "ntp" in line.casefold():
            self._on_ntp_inside(line)
        if self._view is not None:
            self._logging = False
            _on_interface_line(self._view, line)
        elif line.startswith("sysname ") and not self._other_view:
            self._on_sysname(line[len("sysname ") :].strip())  # VRP5 may indent the lines of the system view
        return 1

    def _goes_on(self, position: int) -> bool:
        """Whether a line at the margin may belong to what stands before it, so that it ends no view."""
        return self._cut.is_rest(position) or self._is_inside_block(position)

    def _is_inside_block(self, position: int) -> bool:
        """Whether a line at the margin stands between the lines of an interface, whose block ends with `#`."""
        if self._view is None or not self._framed:
            return False
        for line in islice(self._lines, position + 1, position + 1 + _LONGEST_MESSAGE):
            if line[0] in " \t":
                return True
            if line[0] in "#!<[" or line.startswith(("interface ", "ntp", "undo ")) or line.rstrip() in _LEAVES_VIEW:
                return False
        return False

    def _leave_view(self, *, other: bool) -> None:
        self._view, self._other_view, self._logging, self._framed = None, other, False, False

    def _on_margin_line(self, line: str, position: int) -> None:
        interface = _INTERFACE_LINE.fullmatch(line) if line.startswith("interface") else None
        if interface is not None and not (self._logging and _is_prose(interface)):
            self._view, self._logging = self._interface(interface), False
            self._framed = position > 0 and self._lines[position - 1].rstrip() == "#"
            self._other_view = self._view is None
            self._blocks, self._ended = True, False
        elif line in _LEAVES_VIEW:
            self._typed = self._typed or line == "system-view"
            self._ended = line != "system-view"
            self._leave_view(other=False)
        elif line.startswith("!"):
            self._adds_ipv6_server_disable = self._adds_ipv6_server_disable and _ADDS_ONE_LINE.fullmatch(line) is None
        elif not line[:1].islower() or is_logged(line):
            self._logging = self._logging or is_logged(line)
            if "ntp" in line.casefold():
                self._on_ntp_inside(line)
        elif self._view is None or not (self._logging or self._goes_on(position)):
            self._leave_view(other=True)
            if line.startswith("sysname "):
                self._on_sysname(line[len("sysname ") :].strip())
            elif "ntp" in line:
                self._on_ntp_inside(line)
        else:
            self._on_ntp_inside(line)

    def _on_ntp_inside(self, line: str) -> None:
        found = None if self._logging or line.startswith("!") else _NTP_INSIDE.search(line)
        before = line[: found.start()] if found is not None else ""
        if found is not None and (_OTHER_PAGER.search(before) or _IS_PROMPT_OR_PROSE.search(before) is None):
            self._on_unknown(line[found.start() :])

    def _interface(self, found: re.Match[str]) -> _InterfaceState | None:
        # A name typed with a blank is two words; what follows a name (`mode l2`) is not part of it.
        name, rest = found.group(1), found.group(2)
        if rest and not is_interface_name(name):
            name += rest.split()[0]
        elif rest and rest[0].isdecimal():  # `E1 0/1/0`: where its type ends is not known
            return None
        if not is_interface_name(name):  # cut off, or of a kind that could not be configured
            return None
        # Fact 9.4: a device prints both names of one port.
        self._view_name = self._printed.setdefault(interface_key(name), interface_name(name))
        return self._interfaces.setdefault(self._view_name, _InterfaceState())

    def _on_ntp_text(self, position: int, *, indented: bool) -> int:
        self._logging = False
        in_interface = indented and self._view is not None

        def understood(text: str) -> Statement | None:
            return self._statement(text.strip(), indented=indented)

        whole = self._cut.whole(position, in_interface=in_interface, understood=understood)
        self._on_ntp_line(whole.text.strip(), indented=indented)
        if whole.lines > 1:
            self._key_references.update(int(key) for key in _KEY_REFERENCE.findall(self._lines[position]))
        return whole.lines

    def _on_sysname(self, sysname: str) -> None:
        if self._sysname not in (None, sysname):
            raise ParseError(
                f"The text holds the configuration of more than one device: sysname {self._sysname} and "
                f"sysname {sysname}. Give the text of one device."
            )
        self._sysname = sysname

    def _on_ntp_line(self, line: str, *, indented: bool) -> None:
        found = _NTP_LINE.fullmatch(line)
        if found is None:
            self._on_ntp_inside(line)
            return
        if self._dialect is None:
            self._dialect = Dialect(found.group(2))
        statement = self._statement(line, indented=indented)
        if statement is None:
            self._on_unknown(line)
            return
        self._blocks, self._ended = True, False
        if _is_automatic(statement):
            self._automatic.append(line)
        if statement.form.ours:
            self._handlers[statement.form.name](statement)
            if _has_words_outside(statement):
                self._outside.append(told_without_secrets(line))
        else:
            self._foreign = True
            view = f"interface {self._view_name}: " if statement.form.view is View.INTERFACE else ""
            self._outside.append(view + told_without_secrets(line))
            self._key_references.update(int(key) for key in _KEY_REFERENCE.findall(line))
            if statement.form.server_user and not statement.undo:
                self._server_users.append(mask(line))

    def _statement(self, line: str, *, indented: bool) -> Statement | None:
        found = _NTP_LINE.fullmatch(line)
        if found is None:
            return None
        undo, word, rest = found.groups()
        spelling = Dialect(word)
        statement = GRAMMARS[spelling].read(rest, undo=undo is not None) if self._dialect in (None, spelling) else None
        return statement if statement is not None and self._fits_view(statement, indented=indented) else None

    def _fits_view(self, statement: Statement, *, indented: bool) -> bool:
        if statement.form.view is View.INTERFACE:
            return self._view is not None
        # One manual indents a line of the system view right after `#`; in any other view it is no such line.
        return not indented or (self._view is None and not self._other_view)

    def _on_unknown(self, line: str) -> None:
        self._foreign = True
        told = told_without_secrets(line)
        self._unknown.append(told)
        self._server_users.append(told)

    # Statements

    def _on_authentication(self, line: Statement) -> None:
        self._authentication = not line.undo

    def _on_key(self, line: Statement) -> None:
        if line.undo:
            self._keys.pop(line.fields["key_id"], None)
        else:
            self._keys[line.fields["key_id"]] = line.fields

    def _on_trust(self, line: Statement) -> None:
        (self._trusted.discard if line.undo else self._trusted.add)(line.fields["key_id"])

    def _on_listen(self, line: Statement) -> None:
        name = line.fields["interface"]
        same = (source for source in self._listen if interface_key(source) == interface_key(name))
        _set(self._listen, next(same, name), not line.undo)

    def _on_reference_clock(self, line: Statement) -> None:
        self._stratum = None if line.undo else line.fields.get("stratum", DEFAULT_STRATUM)

    def _on_upstream(self, line: Statement) -> None:
        server = _upstream_server(line)
        if line.undo:
            self._upstream.pop(server.identity, None)
        else:
            self._upstream[server.identity] = server

    def _on_multicast_server(self, line: Statement) -> None:
        if self._view is None:
            return
        address, fields = _group(line), line.fields
        if line.undo:
            self._view.servers.pop(address, None)
        else:
            self._view.servers[address] = MulticastServer(
                address, fields.get("key_id"), fields.get("ttl"), fields.get("version"), fields.get("port")
            )

    def _on_multicast_client(self, line: Statement) -> None:
        if self._view is None:
            return
        address = _group(line)
        if line.undo:
            self._view.clients.pop(address, None)
        else:
            self._view.clients[address] = MulticastClient(address)

    # Result

    def result(self) -> DeviceConfiguration:
        interfaces = tuple(
            Interface(name, tuple(state.servers.values()), tuple(state.clients.values()))
            for name, state in self._interfaces.items()
            if state.servers or state.clients
        )
        configuration = Configuration(
            Authentication(self._authentication, tuple(self._key(key_id) for key_id in sorted(self._keys))),
            ServerSettings(
                None,
                tuple(self._listen),
                self._stratum,
                tuple(self._ipv6_listen),
                upstream=tuple(self._upstream.values()),
            ),
            interfaces,
            self._foreign,
            tuple(self._server_users),
            tuple(self._interfaces),
            self._adds_ipv6_server_disable,
        )
        return DeviceConfiguration(
            _with_server_function(configuration, self._server_disabled, typed=self._typed),
            self._dialect,
            tuple(self._automatic),
            MappingProxyType({name: state.facts() for name, state in self._interfaces.items()}),
            tuple(self._unknown),
            tuple(self._outside),
            self._blocks,
            self._ended,
        )

    def _key(self, key_id: int) -> Key:
        fields = self._keys[key_id]
        text = Secret(fields["secret"])
        encrypted = bool(fields.get("cipher"))
        return Key(
            key_id,
            fields["algorithm"],
            None if encrypted else text,
            text if encrypted else None,
            key_id in self._trusted,
            key_id in self._key_references,
        )


def _outside_banners(lines: list[str]) -> Iterator[str]:
    """Yield the lines that hold anything, without the texts of login banners."""
    delimiter: str | None = None
    never_closed: set[str] = set()
    for number, line in enumerate(lines):
        if delimiter is not None:
            if delimiter in line:
                delimiter = None
        elif line.startswith("header ") and line.rstrip() != "header":
            opened = _BANNER.match(line)
            if opened is not None and opened.group(1) not in opened.group(2):
                delimiter = _closed_later(opened.group(1), lines, number, never_closed)
        elif line and not line.isspace():
            yield line


def _is_prose(interface: re.Match[str]) -> bool:
    """Whether a line that begins like that of an interface is the second line of a log, which goes on in prose."""
    rest = interface.group(2)
    return bool(rest) and not rest[0].isdecimal() and not rest.startswith("mode ")


def _closed_later(delimiter: str, lines: list[str], number: int, never_closed: set[str]) -> str | None:
    if delimiter in never_closed:
        return None
    if any(delimiter in line for line in islice(lines, number + 1, None)):
        return delimiter
    never_closed.add(delimiter)
    return None


def _set(sources: dict[str, None], source: str, present: bool) -> None:
    if present:
        sources[source] = None
    else:
        sources.pop(source, None)


def _group(line: Statement) -> IpAddress:
    if line.form.name.startswith("ipv6"):
        return cast(IpAddress, line.fields.get("ipv6_group", DEFAULT_GROUP_IPV6))
    return cast(IpAddress, line.fields.get("ipv4_group", DEFAULT_GROUP_IPV4))


def _has_words_outside(line: Statement) -> bool:
    """Whether a line that the model holds has words that no option describes."""
    return line.form.name.endswith("_upstream") and not line.undo and bool(_upstream_server(line).others)


def _upstream_server(line: Statement) -> UpstreamServer:
    fields = line.fields
    afi = line.form.name.partition("_")[0]
    others = [word for word in ("burst", "iburst", "preempt") if fields.get(word)]
    if fields.get("port") not in (None, DEFAULT_PORT):
        others.insert(0, f"port {fields['port']}")
    return UpstreamServer(
        fields[f"{afi}_host"],
        fields.get("key_id"),
        fields.get("version"),
        True if fields.get("preferred") or fields.get("preference") else None,
        fields.get("vpn_instance"),
        fields.get("port_name"),
        fields.get("minpoll"),
        fields.get("maxpoll"),
        tuple(others),
    )


def _is_automatic(line: Statement) -> bool:
    if line.form.name in ("ipv4_listen_all", "ipv6_listen_all"):
        return bool(line.fields["switch"] == "disable")
    return line.form.name in ("ipv4_server_disable", "ipv6_server_disable") and not line.undo


def _on_interface_line(interface: _InterfaceState, line: str) -> None:
    if not line.startswith(_TELLS_OF_INTERFACE):
        return
    if line == "undo portswitch":
        interface.layer2 = False
    elif line == "portswitch" or line.startswith("port link-type "):
        interface.layer2 = True
    elif line == "ipv6 enable":
        interface.ipv6_enabled = True
    elif line.startswith("ip address "):
        interface.ipv4_addresses.append(line[len("ip address ") :])
    elif line.startswith("ipv6 address "):
        interface.ipv6_addresses.append(line[len("ipv6 address ") :])


def _with_server_function(configuration: Configuration, disabled: Mapping[str, bool], *, typed: bool) -> Configuration:
    """Add the server function: where NTP is configured at all and no line disables it, it is enabled (fact 1.5).

    Lines as a person types them, from ``system-view`` on, leave it to the device unless they speak of it.
    """
    unstated = None if typed or is_bare(configuration) else True
    settings = configuration.server or ServerSettings()
    return replace(
        configuration,
        server=replace(
            settings,
            enabled=not disabled["ipv4"] if "ipv4" in disabled else unstated,
            ipv6_enabled=not disabled["ipv6"] if "ipv6" in disabled else unstated,
        ),
    )
