# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: synchronisation_report
short_description: Who is synchronised to whom, as an aligned table
version_added: 0.1.0
author:
  - Timecast developers (@timecast)
description:
  - Turns the results of M(timecast.ntp_multicast.vrp_ntp_multicast_info) and
    M(timecast.ntp_multicast.ntp_multicast_engine_info) of many hosts into one table with a line for each source,
    and says which hosts are not synchronised.
  - The playbook C(timecast.ntp_multicast.verify) prints it.
options:
  _input:
    description:
      - Host names with the result that each host gave.
      - A host without RV(timecast.ntp_multicast.vrp_ntp_multicast_info#module:ntp) in its result counts as
        not synchronised, and its message stands below the table.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the table
  ansible.builtin.debug:
    msg: "{{ (states | timecast.ntp_multicast.synchronisation_report).lines }}"
  vars:
    states:
      CE1: "{{ hostvars['CE1'].ntp_multicast_status }}"
"""

RETURN = r"""
_value:
  description: The report.
  type: dict
  contains:
    lines:
      description: The table, a line an element, all columns aligned, then a line for each host that gave no state.
      type: list
      elements: str
    unsynchronised:
      description: Names of the hosts that are not synchronised or gave no state, in the order of the input.
      type: list
      elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

from ansible.errors import AnsibleFilterError

NOTHING = "-"
RIGHT_ALIGNED = frozenset({"STRATUM", "OFFSET", "REACH", "KEY"})


@dataclass(frozen=True)
class Row:
    """One line of the table, as text; the field order is the column order."""

    host: str
    synchronised: str
    role: str
    source: str
    group: str
    interface: str
    stratum: str
    offset: str
    reach: str
    key: str


HEADINGS = Row("HOST", "SYNCHRONISED", "ROLE", "SOURCE", "GROUP", "INTERFACE", "STRATUM", "OFFSET", "REACH", "KEY")


def offset_text(seconds: float | None) -> str:
    """An offset in the unit that a person would choose: ``+12.3 us``."""
    if seconds is None:
        return NOTHING
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:+.3f} {unit}"
    return f"{seconds / 1e-9:+.0f} ns"


def reach_text(reach: int | None) -> str:
    """The reachability register in octal, as every NTP tool prints it (RFC 5905, section 9.2)."""
    return NOTHING if reach is None else f"{reach:o}"


def text(value: Any) -> str:
    return NOTHING if value in (None, "") else str(value)


def rows_of_host(host: str, ntp: Mapping[str, Any]) -> list[Row]:
    """The state of one host: a line for each group that a server sends to, or for each source of everyone else."""
    associations = sorted(ntp.get("associations") or [], key=lambda association: not association.get("selected"))
    if ntp.get("role") == "server" or not associations:
        return served_rows(host, ntp, associations[0] if associations else {"source": ntp.get("reference_id")})
    return [
        Row(
            host=host,
            synchronised=synchronised_text(ntp) if first else NOTHING,
            role=text(ntp.get("role")),
            source=text(association.get("source")),
            group=text(association.get("group")),
            interface=text(association.get("interface")),
            # The host's own stratum on its first line; what the other sources announce on theirs.
            stratum=text(ntp.get("stratum") if first else association.get("stratum")),
            offset=offset_text(association.get("offset")),
            reach=reach_text(association.get("reach")),
            key=text(association.get("key_id")),
        )
        for first, association in zip([True, *[False] * len(associations)], associations)
    ]


def served_rows(host: str, ntp: Mapping[str, Any], source: Mapping[str, Any]) -> list[Row]:
    """The groups that a host sends to, each with what the host itself goes by."""
    servers: Sequence[Mapping[str, Any]] = ntp.get("servers") or [{}]
    return [
        Row(
            host=host,
            synchronised=synchronised_text(ntp),
            role=text(ntp.get("role")),
            source=text(source.get("source")),
            group=text(server.get("group")),
            interface=text(server.get("interface")),
            stratum=text(ntp.get("stratum")),
            offset=offset_text(ntp.get("offset")),
            reach=reach_text(source.get("reach")),
            key=text(server.get("key_id")),
        )
        for server in servers
    ]


def synchronised_text(ntp: Mapping[str, Any]) -> str:
    return "yes" if ntp.get("synchronised") else "NO"


def aligned(rows: Sequence[Row]) -> list[str]:
    """The rows as lines of equal column widths, headings first."""
    cells = [astuple(row) for row in (HEADINGS, *rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells)]
    names = astuple(HEADINGS)
    return [
        "  ".join(
            cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width)
            for name, cell, width in zip(names, line, widths)
        ).rstrip()
        for line in cells
    ]


def first_line(message: Any) -> str:
    lines = str(message or "").strip().splitlines()
    return lines[0] if lines else "gave no state"


def synchronisation_report(states: Mapping[str, Any]) -> dict[str, list[str]]:
    if not isinstance(states, Mapping):
        raise AnsibleFilterError(
            f"synchronisation_report needs a dictionary of host names and results, not {type(states).__name__}."
        )
    rows: list[Row] = []
    silent: list[str] = []
    unsynchronised: list[str] = []
    for host, result in states.items():
        ntp = result.get("ntp") if isinstance(result, Mapping) else None
        if not isinstance(ntp, Mapping):
            message = result.get("msg") if isinstance(result, Mapping) else None
            silent.append(f"{host}: {first_line(message)}")
            unsynchronised.append(str(host))
            continue
        rows.extend(rows_of_host(str(host), ntp))
        if not ntp.get("synchronised"):
            unsynchronised.append(str(host))
    return {"lines": [*aligned(rows), *silent], "unsynchronised": unsynchronised}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"synchronisation_report": synchronisation_report}
