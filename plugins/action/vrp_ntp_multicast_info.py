# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.counting import VARIABLE, counted
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_NTP_MULTICAST_INFO
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.interface_names import interface_key
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    AddressFamily,
    Configuration,
    MulticastClient,
    MulticastServer,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.confirmation import (
    synchronised_to_description,
    watch,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import (
    ClockStatus,
    SourceSession,
    find_dialect,
    read_losses,
    read_packets,
    read_sessions,
    read_status,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import gather

SECONDS_BETWEEN_LOOKS = 2.0
DEFAULT_PORT = 123
DEFAULT_VERSION = 3  # of IPv4 packets; that of IPv6 packets is not published (facts 1.3, 5)


class ActionModule(VrpAction):
    """The NTP state of a device as data."""

    SPECIFICATION = VRP_NTP_MULTICAST_INFO

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look; playbooks that wait for many devices are told how many are left."""
        with counted(self._templar.template((task_vars or {}).get(VARIABLE)), "state"):
            return super().run(tmp, task_vars)

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Look, perhaps several times, and report."""
        began, looked_at = time.monotonic(), time.time()
        session = self.logins().session()
        chosen = Dialect(options["dialect"]) if options["dialect"] else None
        found = gather(session, chosen)
        dialect = chosen or found.dialect or find_dialect(session)
        status = read_status(session, dialect)
        if options["wait_until_synchronised"] and not options["heard_afresh"]:
            status = wait_until_synchronised(session, dialect, status, options["timeout"])
        if options["wait_until_synchronised"] and options["heard_afresh"]:
            sight = watch(session, dialect, found.configuration, began, options["timeout"])
            result: dict[str, Any] = {
                "ntp": ntp_state(sight.status, sight.sources, found.configuration),
                "dialect": dialect.value,
            }
            if not synchronised_to_description(found.configuration, sight):
                result["failed"] = True
                result["msg"] = f"Not synchronised after {options['timeout']} seconds: {sight.words}."
            return result
        sources = read_sessions(session, dialect)
        result = {"ntp": ntp_state(status, sources, found.configuration), "dialect": dialect.value}
        if options["packets"]:
            result.update(packets_state(session, dialect), looked_at=looked_at, looked_until=time.time())
        if options["wait_until_synchronised"] and not status.synchronised:
            result["failed"] = True
            result["msg"] = (
                f"The clock is not synchronised after {options['timeout']} seconds (stratum {status.stratum}, "
                f"reference {status.reference_id})."
            )
        return result


def packets_state(session: Session, dialect: Dialect) -> dict[str, Any]:
    """What the device counted and lost; null where it does not tell."""
    counts, losses = read_packets(session, dialect), read_losses(session, dialect)
    return {
        "packets": None if counts is None else asdict(counts),
        "losses": None if losses is None else [asdict(loss) for loss in losses],
    }


def wait_until_synchronised(session: Session, dialect: Dialect, status: ClockStatus, timeout: float) -> ClockStatus:
    """The first synchronised status, or the last one within `timeout` seconds."""
    end = time.monotonic() + timeout
    while not status.synchronised and (left := end - time.monotonic()) > 0:
        session.pause(min(SECONDS_BETWEEN_LOOKS, left))
        status = read_status(session, dialect)
    return status


def ntp_state(status: ClockStatus, sources: tuple[SourceSession, ...], present: Configuration) -> dict[str, Any]:
    """The shape that the modules for VRP and for Linux share."""
    servers = [(interface.name, server) for interface in present.interfaces or () for server in interface.servers or ()]
    clients = [(interface.name, client) for interface in present.interfaces or () for client in interface.clients or ()]
    return {
        "synchronised": status.synchronised,
        "stratum": status.stratum,
        "leap": None,
        "reference_id": status.reference_id,
        "offset": status.offset,
        "root_delay": status.root_delay,
        "root_dispersion": status.root_dispersion,
        "role": role(bool(servers), bool(clients)),
        "associations": [association(source, clients) for source in sources],
        "servers": [server_entry(interface, server) for interface, server in servers],
    }


def role(serves: bool, listens: bool) -> str:
    """What the configuration makes of the device."""
    if serves and listens:
        return "both"
    return "server" if serves else "client" if listens else "none"


def association(source: SourceSession, clients: list[tuple[str, MulticastClient]]) -> dict[str, Any]:
    """A source as the device sees it; what the device does not tell is null."""
    return {
        "source": source.source,
        "interface": source.interface,
        "group": group_of(source, clients),
        "mode": source.mode,
        "stratum": source.stratum,
        "reference_id": source.reference_id,
        "reach": source.reach,
        "poll": source.poll,
        "last_received": source.now,
        "offset": source.offset,
        "delay": source.delay,
        "dispersion": source.dispersion,
        "selected": source.selected,
        "authenticated": None,
        "key_id": None,
    }


def group_of(source: SourceSession, clients: list[tuple[str, MulticastClient]]) -> str | None:
    """The group through which a multicast source was found, where the configuration leaves no choice."""
    if source.mode is None or "broadcast" not in source.mode.casefold().replace("bdcast", "broadcast"):
        return None
    family = AddressFamily.IPV6 if ":" in source.source else AddressFamily.IPV4
    groups = {
        str(client.address)
        for interface, client in clients
        if client.afi is family
        and (source.interface is None or interface_key(source.interface) == interface_key(interface))
    }
    return groups.pop() if len(groups) == 1 else None


def server_entry(interface: str, server: MulticastServer) -> dict[str, Any]:
    """A multicast server entry of the configuration; a ttl that is not configured is not known (fact 1.3)."""
    return {
        "interface": interface,
        "group": str(server.address),
        "port": server.port or DEFAULT_PORT,
        "key_id": server.key_id,
        "ttl": server.ttl,
        "version": server.version or (DEFAULT_VERSION if server.afi is AddressFamily.IPV4 else None),
    }
