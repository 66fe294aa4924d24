# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the model to the lines of a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...ntp.changes import (
    Change,
    Listen,
    RemoveAssociation,
    RemoveKey,
    RemoveUpstream,
    SetAssociation,
    SetKey,
    SetReferenceStratum,
    SetUpstream,
    SwitchAuthentication,
    SwitchServer,
    TrustKey,
)
from ...ntp.errors import UserError
from ...ntp.interface_names import interface_name
from ...ntp.masking import MASK
from ...ntp.model import (
    ALL,
    AddressFamily,
    Algorithm,
    Association,
    Authentication,
    Configuration,
    Interface,
    Key,
    MulticastServer,
    Secret,
    ServerSettings,
    UpstreamServer,
)
from ...ntp.server_switch import ipv6_in_play
from ..dialect import Dialect
from ..lines import ConfigurationLine
from .language import GRAMMARS


def render_changes(changes: Iterable[Change], dialect: Dialect) -> tuple[ConfigurationLine, ...]:
    """Write changes as configuration lines, one line a change, in their order."""
    writer = _Writer(dialect)
    return tuple(writer.change(change) for change in changes)


def render_configuration(configuration: Configuration, dialect: Dialect) -> tuple[ConfigurationLine, ...]:
    """Write the lines that configure a device, on which nothing is configured, exactly so.

    Authentication is enabled, and keys exist, before the lines that use them; the server function comes last.

    Raises:
        UserError: a key has neither a secret nor a ciphertext, so its line can't be written.
    """
    writer = _Writer(dialect)
    authentication = configuration.authentication or Authentication()
    keys = sorted(authentication.keys or (), key=lambda key: key.id)
    for key in keys:
        if key.algorithm is None or (key.secret is None and key.ciphertext is None):
            raise UserError(
                f"authentication.keys: the line of key {key.id} can't be written without its algorithm and its secret."
            )
    return (
        *writer.switch(authentication),
        *(writer.key(key) for key in keys),
        *(writer.trust(key.id) for key in keys if key.trusted),
        *writer.sources(configuration.server or ServerSettings()),
        *writer.upstream_servers(configuration.server or ServerSettings()),
        *(line for interface in configuration.interfaces or () for line in writer.interface(interface)),
        *writer.server_functions(configuration),
    )


def configuration_text(configuration: Configuration, dialect: Dialect) -> str:
    """Write a configuration as a device prints it, for people to compare; secrets and ciphertexts are masked.

    A key whose secret is yet to be sent says so, or its rotation would not be seen.
    """
    writer = _Writer(dialect)
    authentication = configuration.authentication or Authentication()
    settings = configuration.server or ServerSettings()
    # The order of fact 2.2.
    blocks = [
        [
            *(line.masked for line in writer.server_functions(configuration)),
            *(writer.key_text(key) for key in authentication.keys or ()),
            *(writer.trust(key.id).masked for key in authentication.keys or () if key.trusted),
            *(line.masked for line in writer.upstream_servers(settings)),
            *(line.masked for line in writer.reference_clock(settings)),
            *(line.masked for line in writer.switch(authentication)),
            *(line.masked for line in writer.listening(settings)),
        ],
        *(
            [f"interface {interface.name}", *(f" {line.masked}" for line in writer.interface(interface))]
            for interface in configuration.interfaces or ()
        ),
    ]
    return "".join("#\n" + "".join(f"{line}\n" for line in block) for block in blocks if block)


class _Writer:
    """Writes single lines in one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._grammar = GRAMMARS[dialect]
        self._changes: dict[type[Any], Callable[[Any], ConfigurationLine]] = {
            SwitchAuthentication: lambda change: self._line("authentication", undo=not change.enabled),
            SetKey: lambda change: self._key(change.id, change.algorithm, change.secret, encrypted=False),
            RemoveKey: lambda change: self._line("key", undo=True, key_id=change.id),
            TrustKey: lambda change: self.trust(change.id, change.trusted),
            SwitchServer: lambda change: self._server_function(change.afi, change.enabled),
            Listen: lambda change: self._listen(change.afi, change.source, change.enabled),
            SetReferenceStratum: self._reference_stratum,
            SetUpstream: lambda change: self.upstream(change.server),
            RemoveUpstream: lambda change: self.upstream(change.server, undo=True),
            SetAssociation: lambda change: self._association(change.interface, change.association),
            RemoveAssociation: lambda change: self._association(change.interface, change.association, undo=True),
        }

    def change(self, change: Change) -> ConfigurationLine:
        return self._changes[type(change)](change)

    def switch(self, authentication: Authentication) -> Iterator[ConfigurationLine]:
        if authentication.enabled:
            yield self._line("authentication")

    def key(self, key: Key) -> ConfigurationLine:
        secret = key.secret or key.ciphertext
        if key.algorithm is None or secret is None:
            raise UserError(f"authentication.keys: key {key.id} has no algorithm or no secret.")
        return self._key(key.id, key.algorithm, secret, encrypted=key.secret is None)

    def key_text(self, key: Key) -> str:
        line = self._key(key.id, key.algorithm or Algorithm.MD5, Secret(MASK), encrypted=True).text
        if key.algorithm is None:
            line = line.replace(Algorithm.MD5.value, "?")
        return line if key.secret is None else f"{line} (to be written)"

    def trust(self, key_id: int, trusted: bool = True) -> ConfigurationLine:
        return self._line("trust", undo=not trusted, key_id=key_id)

    def sources(self, settings: ServerSettings) -> Iterator[ConfigurationLine]:
        yield from self.reference_clock(settings)
        yield from self.listening(settings)

    def reference_clock(self, settings: ServerSettings) -> Iterator[ConfigurationLine]:
        if settings.reference_stratum is not None:
            yield self._line("reference_clock", stratum=settings.reference_stratum)

    def listening(self, settings: ServerSettings) -> Iterator[ConfigurationLine]:
        for source in settings.listen or ():
            yield self._listen(AddressFamily.IPV4, source, True)
        for source in settings.ipv6_listen or ():
            yield self._listen(AddressFamily.IPV6, source, True)

    def upstream_servers(self, settings: ServerSettings) -> Iterator[ConfigurationLine]:
        return (self.upstream(server) for server in settings.upstream or ())

    def upstream(self, server: UpstreamServer, *, undo: bool = False) -> ConfigurationLine:
        fields: dict[str, Any] = {f"{server.afi.value}_host": server.address, "vpn_instance": server.vpn_instance}
        if not undo:
            fields |= {name: getattr(server, name) for name in ("key_id", "version", "minpoll", "maxpoll")}
            fields |= {"port_name": server.source_interface}
            fields |= {self._dialect.preferred_word: True} if server.preferred else {}
            for word, _blank, number in (other.partition(" ") for other in server.others):
                fields[word] = int(number) if number else True
        return self._line(f"{server.afi.value}_upstream", undo=undo, **fields)

    def interface(self, interface: Interface) -> Iterator[ConfigurationLine]:
        associations: tuple[Association, ...] = (*(interface.servers or ()), *(interface.clients or ()))
        for association in associations:
            yield self._association(interface.name, association)

    def server_functions(self, configuration: Configuration) -> Iterator[ConfigurationLine]:
        """The lines of the server function; for IPv6 only where it was read, or where IPv6 is served."""
        settings = configuration.server or ServerSettings()
        if settings.enabled is not None:
            yield self._server_function(AddressFamily.IPV4, settings.enabled)
        ipv6 = settings.ipv6_enabled
        if ipv6 is None and ipv6_in_play(configuration):
            ipv6 = settings.enabled
        if ipv6 is not None:
            yield self._server_function(AddressFamily.IPV6, ipv6)

    def _line(self, form: str, *, view: str | None = None, undo: bool = False, **fields: Any) -> ConfigurationLine:
        secret = fields.get("secret")
        return ConfigurationLine(
            self._grammar.write(form, fields, undo=undo), view, () if secret is None else (str(secret),)
        )

    def _key(self, key_id: int, algorithm: Algorithm, secret: Secret, *, encrypted: bool) -> ConfigurationLine:
        cipher = True if encrypted or self._dialect.plain_secret_word else None
        return self._line("key", key_id=key_id, algorithm=algorithm, cipher=cipher, secret=secret.reveal())

    def _server_function(self, afi: AddressFamily, enabled: bool) -> ConfigurationLine:
        return self._line(f"{afi.value}_server_disable", undo=enabled)

    def _listen(self, afi: AddressFamily, source: str, enabled: bool) -> ConfigurationLine:
        if source == ALL:
            # There is no undo of it: the manual's counterpart is `all disable`.
            return self._line(f"{afi.value}_listen_all", switch="enable" if enabled else "disable")
        field = "ipv6_address" if afi is AddressFamily.IPV6 else "interface"
        return self._line(f"{afi.value}_listen", undo=not enabled, **{field: source})

    def _reference_stratum(self, change: SetReferenceStratum) -> ConfigurationLine:
        return self._line("reference_clock", undo=change.stratum is None, stratum=change.stratum)

    def _association(self, interface: str, association: Association, *, undo: bool = False) -> ConfigurationLine:
        # The group is always written: what an undo without one does is only inferred (fact 1.3).
        afi = association.afi.value
        fields: dict[str, Any] = {f"{afi}_group": association.address}
        role = "client"
        if isinstance(association, MulticastServer):
            role = "server"
            fields |= {name: getattr(association, name) for name in ("key_id", "ttl", "version", "port")}
        return self._line(f"{afi}_multicast_{role}", view=interface_name(interface), undo=undo, **fields)
