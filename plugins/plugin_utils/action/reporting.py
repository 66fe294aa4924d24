# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the variables of many hosts to a report: what is judged of them, and the document over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..report import judgement, synchronisation
from ..report.allowed import Allowed
from ..report.document import Document, Domain, Kind, Location, Platform
from ..report.domain import domain_of
from ..report.drift import About, Seen, drift_document
from ..report.verify import Told, earlier_samples, verify_document
from .places import place_of
from .platform import platform_of
from .preflight import plain
from .private import HostVariables
from .report_files import earlier_document

_ALLOWED = "ntp_multicast_drift_allowed"
_COMMITS = "__ntp_multicast_commits"
_STATUS = "ntp_multicast_status"
_INTERFACES = "ntp_multicast_interfaces"


class Reporter:
    """Makes reports of the hosts that a task names.

    What only the files show, the domain and the places in the inventory, is looked up for files alone: for a thousand
    hosts it takes seconds.
    """

    def __init__(
        self, options: Mapping[str, Any], variables: Mapping[str, Any], task: Any, loader: Any, directory: Path | None
    ) -> None:
        self._options = options
        self._hosts = [str(host) for host in options["hosts"]]
        self._failed: Mapping[str, str] = options["found"].get("failed") or {}
        self._platforms = {
            str(host): platform
            for platform in (Platform.VRP, Platform.LINUX)
            for host in options["found"].get(platform.value) or ()
        }
        self._variables = variables
        self._raw = HostVariables(task, loader)
        self._directory = directory

    def drift(self, about: About) -> tuple[dict[str, Any], Document]:
        """What the comparisons found: lines, ends and summary, and the document."""
        strict = bool(self._options["require_compared_keys"])
        results = judgement.registered(
            self._variables, self._hosts, self._options["results"], self._options["fleet"], self._failed
        )
        judged = judgement.drift_of_hosts(results)
        seen = [self._seen(name, results[name], judged[name].status) for name in self._hosts]
        document = drift_document(seen, about, self._domain(), keys_count=strict)
        allowed = {host.name for host in document.hosts if host.allowed}
        judged = {name: replace(host, allowed=name in allowed) for name, host in judged.items()}
        return judgement.report_of(judged, strict=strict), document

    def verify(self, about: About) -> tuple[dict[str, Any], Document]:
        """What the hosts said of their clocks: lines and ends, and the document."""
        states = {name: self._of(name).get(_STATUS) or {} for name in self._hosts}
        results = synchronisation.with_failed(states, self._failed)
        names = synchronisation.known_names(
            {str(self._of(name).get("ansible_host") or ""): name for name in self._hosts}
        )
        earlier = earlier_samples(earlier_document(self._directory, Kind.VERIFY)) if self._directory else {}
        told = [
            Told(name, self._platform(name), results[name], self._location(name), earlier.get(name, ()))
            for name in self._hosts
        ]
        most = float(self._options["maximum_offset"])
        return synchronisation.report_of(results, names, most), verify_document(
            told, about, names, self._domain(), most
        )

    def _seen(self, name: str, results: list[Any], status: str) -> Seen:
        seen = Seen(name, self._platform(name), results, location=self._location(name))
        if status not in (judgement.DRIFTED, judgement.KEYS_NOT_COMPARED):
            return seen
        variables = self._of(name)
        return replace(
            seen,
            allowed=tuple(map(Allowed.of, variables.get(_ALLOWED) or ())),
            commits=variables.get(_COMMITS),
            user=str(variables.get("ansible_user") or ""),
        )

    def _of(self, name: str) -> Mapping[str, Any]:
        """The variables of a host; of one whose variables can't be read, none."""
        try:
            found: Mapping[str, Any] = self._variables[name]
        except Exception:
            return {}
        return found

    def _platform(self, name: str) -> Platform:
        if name in self._platforms:
            return self._platforms[name]
        try:
            return Platform(platform_of(self._of(name)))
        except Exception:
            return Platform.UNKNOWN

    def _location(self, name: str) -> Location | None:
        if self._directory is None:
            return None
        try:
            return place_of(name, self._raw.of(name)[0])
        except Exception:
            return None  # a report without a place is better than none

    def _domain(self) -> Domain | None:
        if self._directory is None:
            return None
        return domain_of({name: self._interfaces(name) for name in self._hosts})

    def _interfaces(self, name: str) -> Any:
        try:
            return plain(self._of(name).get(_INTERFACES), _INTERFACES)
        except Exception:
            return None  # told as a problem of the host
