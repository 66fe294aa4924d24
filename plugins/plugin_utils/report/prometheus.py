# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as metrics, for the textfile collector of Prometheus' node exporter.

The files of both kinds of document may lie in one folder: their metrics have the same texts and differ in `kind`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from .document import STATES, Document

METRICS = {
    "ntp_multicast_report_exit_code": "Exit code of the last report: 0, or 2 drifted, 3 unreachable, 4 failed, 5 keys.",
    "ntp_multicast_report_timestamp_seconds": "When the last report was made, in seconds since 1970.",
    "ntp_multicast_report_hosts": "How many hosts have the state.",
    "ntp_multicast_report_hosts_allowed": "How many hosts are not as described and allowed to be.",
    "ntp_multicast_report_host_state": "1 for the state that the host has.",
    "ntp_multicast_report_host_findings": "How many things on the host are not as described, allowed ones left out.",
    "ntp_multicast_report_host_offset_seconds": "Offset of the host to its source in the last report.",
}
"""Each metric, a gauge, with its text."""


def as_prometheus(document: Document) -> str:
    """The whole file."""
    lines: list[str] = []
    for name, samples in _metrics(document).items():
        if samples:
            lines += [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge", *samples]
    return "\n".join(lines) + "\n"


def _metrics(document: Document) -> dict[str, list[str]]:
    kind = ("kind", document.kind.value)
    hosts = document.hosts

    def samples(name: str, values: Iterable[tuple[list[tuple[str, str]], float]]) -> list[str]:
        return [f"{name}{{{','.join(_labels([kind, *labels]))}}} {value!r}" for labels, value in values]

    found: dict[str, list[tuple[list[tuple[str, str]], float]]] = {
        "ntp_multicast_report_exit_code": [([], document.exit_code.value)],
        "ntp_multicast_report_timestamp_seconds": [([], datetime.fromisoformat(document.generated).timestamp())],
        "ntp_multicast_report_hosts": [
            ([("state", state.value)], document.counts.get(state.value, 0)) for state in STATES[document.kind]
        ],
        "ntp_multicast_report_hosts_allowed": [([], document.allowed)],
        "ntp_multicast_report_host_state": [
            ([("host", host.name), ("platform", host.platform.value), ("state", host.state.value)], 1) for host in hosts
        ],
        "ntp_multicast_report_host_findings": [
            (
                [("host", host.name), ("platform", host.platform.value)],
                sum(not finding.allowed for finding in host.findings) + host.findings_left_off,
            )
            for host in hosts
        ],
        "ntp_multicast_report_host_offset_seconds": [
            ([("host", host.name), ("platform", host.platform.value)], host.ntp.offset)
            for host in hosts
            if host.ntp is not None and host.ntp.offset is not None
        ],
    }
    return {name: samples(name, values) for name, values in found.items()}


def _labels(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in pairs:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield f'{name}="{escaped}"'
