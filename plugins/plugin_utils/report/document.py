# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of a report, and the exit code that follows from it: the one source of every view of it.

Rules of this file: what a document holds is said here, once; the published schema (docs/schemas/report-1.schema.json)
is made from it by tests/tools/report_schema. No field ever holds a secret or a ciphertext. Within one version fields
are added, never renamed or taken away.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FORMAT_VERSION = 1


def told(text: str, **constraints: Any) -> dict[str, Any]:
    """The metadata of a field: what it means, and what JSON Schema says of it beside its type."""
    return {"text": text, "constraints": constraints}


class Kind(str, enum.Enum):
    """What was looked at."""

    DRIFT = "drift"
    VERIFY = "verify"


class Platform(str, enum.Enum):
    """What a host is."""

    VRP = "vrp"
    LINUX = "linux"
    UNKNOWN = "unknown"


class State(str, enum.Enum):
    """How a host was found: the first three by drift, the next two by verify, the last two by both."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    KEYS_NOT_COMPARED = "keys_not_compared"
    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


STATES: Mapping[Kind, tuple[State, ...]] = {
    Kind.DRIFT: (State.IN_SYNC, State.DRIFTED, State.KEYS_NOT_COMPARED, State.UNREACHABLE, State.FAILED),
    Kind.VERIFY: (State.SYNCHRONISED, State.UNSYNCHRONISED, State.UNREACHABLE, State.FAILED),
}
"""The states of each kind of document, in the order in which they are shown."""


class ExitCode(enum.IntEnum):
    """What a pipeline can tell apart. Where hosts differ, the first of FAILED, UNREACHABLE, DRIFTED, KEYS counts."""

    IN_SYNC = 0
    DRIFTED = 2
    UNREACHABLE = 3
    FAILED = 4
    KEYS_NOT_COMPARED = 5


class FindingKind(str, enum.Enum):
    """What one finding is about."""

    LINE_MISSING = "line_missing"
    LINE_EXTRA = "line_extra"
    LINE_DIFFERENT = "line_different"
    KEY_CHANGED = "key_changed"
    KEY_TO_WRITE = "key_to_write"
    KEY_NOT_COMPARED = "key_not_compared"
    KEY_FILE_CHANGED = "key_file_changed"
    CONFIGURATION_CHANGED = "configuration_changed"
    UNIT_CHANGED = "unit_changed"
    ENGINE_CHANGED = "engine_changed"
    SERVICE_NOT_RUNNING = "service_not_running"
    HOST_CHANGED = "host_changed"
    NOT_SYNCHRONISED = "not_synchronised"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


FINDING_TEXTS: Mapping[FindingKind, str] = {
    FindingKind.LINE_MISSING: "A line that is described is not on the device.",
    FindingKind.LINE_EXTRA: "A line that is not described is on the device.",
    FindingKind.LINE_DIFFERENT: "A line is on the device with other values than described.",
    FindingKind.KEY_CHANGED: "A key was changed on the device since it was written.",
    FindingKind.KEY_TO_WRITE: "A key is missing, or has another algorithm or an old secret.",
    FindingKind.KEY_NOT_COMPARED: "Nobody can tell whether a key has the secret that is described.",
    FindingKind.KEY_FILE_CHANGED: "The engine's key file is not as described.",
    FindingKind.CONFIGURATION_CHANGED: "The engine's configuration file is not as described.",
    FindingKind.UNIT_CHANGED: "A systemd unit of the engine is not as described.",
    FindingKind.ENGINE_CHANGED: "The engine's program files are not those of this collection.",
    FindingKind.SERVICE_NOT_RUNNING: "The engine's service is not running, or not enabled.",
    FindingKind.HOST_CHANGED: "Something else that the engine needs on its host is not as described.",
    FindingKind.NOT_SYNCHRONISED: "The host is not synchronised, or its clock is wrong.",
    FindingKind.UNREACHABLE: "The host could not be reached, so that nothing is known of it.",
    FindingKind.FAILED: "The host could not be checked.",
}
"""What each kind of finding means, in a sentence: the rules of SARIF, and the table of the guide."""


@dataclass(frozen=True)
class Location:
    """Where the inventory describes a host."""

    file: str = field(
        metadata=told("Path of the file, relative to its repository where it lies in one, with / between its parts.")
    )
    line: int | None = field(default=None, metadata=told("Number of the line, from 1; null where unknown.", minimum=1))


@dataclass(frozen=True)
class Finding:
    """One thing that is not as described."""

    kind: FindingKind = field(metadata=told("What it is about."))
    line: str = field(
        metadata=told(
            "The configuration line, the file or the service that it is about, without a secret; may be empty."
        )
    )
    text: str = field(metadata=told("What is wrong, in a sentence."))
    allowed: bool = field(
        default=False, metadata=told("Whether ntp_multicast_drift_allowed names it: told, but fails nothing.")
    )
    fingerprint: str = field(
        default="", metadata=told("The same for the same finding in every run.", pattern="^[0-9a-f]{32}$")
    )


@dataclass(frozen=True)
class Commit:
    """A commit that others than the playbook site made on a device."""

    id: str = field(metadata=told("Its id on the device."))
    user: str = field(default="", metadata=told("Who committed."))
    time: str = field(default="", metadata=told("When, as the device prints it."))
    type: str = field(default="", metadata=told("How: CLI, SNMP, NETCONF, ROLLBACK, RESTORE or SYSTEM."))
    label: str | None = field(default=None, metadata=told("Its label, null for a commit without one."))
    description: str = field(default="", metadata=told("Its description, empty for a commit without one."))


@dataclass(frozen=True)
class Commits:
    """What others committed on a device since the last run of the playbook site."""

    since: str | None = field(
        default=None,
        metadata=told("Label of that run's commit; null where the device lists none, and all that it lists is told."),
    )
    since_time: str = field(default="", metadata=told("When that commit was made, as the device prints it."))
    entries: tuple[Commit, ...] = field(default=(), metadata=told("The commits, the newest first."))
    left_off: int = field(default=0, metadata=told("How many more there are.", minimum=0))
    problem: str = field(default="", metadata=told("Why they could not be listed; empty where they were."))


@dataclass(frozen=True)
class Association:
    """A source that a host hears."""

    source: str = field(metadata=told("Address of the source."))
    host: str | None = field(default=None, metadata=told("Name of the host that has the address; null if unknown."))
    group: str | None = field(default=None, metadata=told("Group through which it is heard; null if unknown."))
    interface: str | None = field(default=None, metadata=told("Interface on which it is heard."))
    stratum: int | None = field(default=None, metadata=told("Stratum of the source."))
    offset: float | None = field(default=None, metadata=told("Offset to it in seconds."))
    reach: int | None = field(default=None, metadata=told("Reachability register, 0 to 255.", minimum=0, maximum=255))
    key_id: int | None = field(default=None, metadata=told("Id of the key that authenticates it."))
    selected: bool = field(default=False, metadata=told("Whether the host follows it."))


@dataclass(frozen=True)
class Sample:
    """An offset at a time."""

    time: str = field(metadata=told("When it was seen, UTC.", format="date-time"))
    offset: float = field(metadata=told("Offset of the host to its source in seconds."))


@dataclass(frozen=True)
class NtpState:
    """What a host says of its clock."""

    synchronised: bool = field(metadata=told("Whether the host says that it is synchronised."))
    role: str | None = field(default=None, metadata=told("server, client, both or none."))
    stratum: int | None = field(default=None, metadata=told("Stratum of the host."))
    reference_id: str | None = field(default=None, metadata=told("Source that the host follows, as it names it."))
    offset: float | None = field(default=None, metadata=told("Offset to the source in seconds."))
    root_delay: float | None = field(default=None, metadata=told("Root delay in seconds."))
    root_dispersion: float | None = field(default=None, metadata=told("Root dispersion in seconds."))
    associations: tuple[Association, ...] = field(default=(), metadata=told("Its sources, the selected one first."))


@dataclass(frozen=True)
class Host:
    """What is known of one host."""

    name: str = field(metadata=told("Name in the inventory."))
    platform: Platform = field(metadata=told("What it is."))
    state: State = field(metadata=told("How it was found."))
    allowed: bool = field(
        default=False,
        metadata=told("Whether everything that is not as described is allowed, so that the host fails nothing."),
    )
    reason: str = field(default="", metadata=told("Why it is in this state, in a sentence; empty where it is well."))
    findings: tuple[Finding, ...] = field(default=(), metadata=told("What is not as described."))
    findings_left_off: int = field(default=0, metadata=told("How many more findings there are.", minimum=0))
    diff: tuple[str, ...] = field(
        default=(),
        metadata=told("Lines of a unified diff: + would be added by the playbook site, - would be taken away."),
    )
    diff_left_off: int = field(default=0, metadata=told("How many more lines the diff has.", minimum=0))
    keys_changed: tuple[int, ...] = field(default=(), metadata=told("Ids of the keys that were changed on the device."))
    keys_not_compared: tuple[int, ...] = field(
        default=(), metadata=told("Ids of the keys of which nobody can tell whether they are as described.")
    )
    commits: Commits | None = field(
        default=None, metadata=told("What others committed since the last site; null where nobody asked.")
    )
    location: Location | None = field(
        default=None, metadata=told("Where the inventory describes it; null where unknown.")
    )
    ntp: NtpState | None = field(
        default=None, metadata=told("What it says of its clock, in a document of verify; null where it said nothing.")
    )
    offsets: tuple[Sample, ...] = field(
        default=(),
        metadata=told("Its offsets, the oldest first: this run's, and those of earlier documents in the same folder."),
    )


@dataclass(frozen=True)
class Sender:
    """A host that is described as sending time to a group."""

    host: str = field(metadata=told("Name of the host."))
    interface: str = field(metadata=told("Interface from which it sends."))
    group: str = field(metadata=told("Multicast group, in the shortest spelling of the address."))
    key_id: int | None = field(default=None, metadata=told("Id of the key; null where packets carry none."))
    ttl: int | None = field(default=None, metadata=told("ttl; null where not described."))
    version: int | None = field(default=None, metadata=told("NTP version; null where not described."))
    port: int | None = field(default=None, metadata=told("UDP port; null where not described."))


@dataclass(frozen=True)
class Listener:
    """A host that is described as listening to a group."""

    host: str = field(metadata=told("Name of the host."))
    interface: str = field(metadata=told("Interface on which it listens."))
    group: str = field(metadata=told("Multicast group, in the shortest spelling of the address."))


@dataclass(frozen=True)
class Link:
    """A host that follows another: seen, not described."""

    host: str = field(metadata=told("Name of the host."))
    source: str = field(metadata=told("Address of its source, or what it says in its place."))
    source_host: str | None = field(
        default=None, metadata=told("Name of the host that is its source; null if unknown.")
    )
    group: str | None = field(default=None, metadata=told("Group through which it is heard; null if unknown."))
    key_id: int | None = field(default=None, metadata=told("Id of the key that authenticates it; null if unknown."))


@dataclass(frozen=True)
class Domain:
    """The multicast domain, for a map."""

    senders: tuple[Sender, ...] = field(default=(), metadata=told("Who is described as sending, to which group."))
    listeners: tuple[Listener, ...] = field(default=(), metadata=told("Who is described as listening, to which group."))
    links: tuple[Link, ...] = field(
        default=(), metadata=told("Who was seen to be synchronised to whom; empty in a document of drift.")
    )


@dataclass(frozen=True)
class Document:
    """A report over many hosts."""

    kind: Kind = field(metadata=told("What was looked at."))
    generated: str = field(metadata=told("When the document was made, UTC.", format="date-time"))
    run_id: str = field(metadata=told("Id of the run that made it."))
    exit_code: ExitCode = field(
        metadata=told(
            "0 all as described, 2 drifted or not synchronised, 3 unreachable, 4 failed, 5 keys not compared where "
            "that is asked to count; where several hold, the first of 4, 3, 2, 5."
        )
    )
    counts: Mapping[str, int] = field(metadata=told("How many hosts have each state; a state without a host too."))
    allowed: int = field(default=0, metadata=told("How many hosts are not as described and allowed to be.", minimum=0))
    keys_count: bool = field(
        default=False, metadata=told("Whether a host of which a key could not be compared fails the run.")
    )
    hosts: tuple[Host, ...] = field(default=(), metadata=told("The hosts, in the order of the inventory."))
    hosts_left_off: int = field(
        default=0, metadata=told("How many hosts were left off, in the bounded form for set_stats.", minimum=0)
    )
    domain: Domain = field(default_factory=Domain, metadata=told("The multicast domain."))
    version: int = field(default=FORMAT_VERSION, metadata=told("Version of this format.", const=FORMAT_VERSION))

    def as_data(self) -> dict[str, Any]:
        """The document as plain data for JSON."""
        found: dict[str, Any] = plain(self)
        return {"version": found.pop("version"), **found}

    def fails(self, host: Host) -> bool:
        """Whether a host fails the run."""
        return exit_code_of((host,), keys_count=self.keys_count) is not ExitCode.IN_SYNC

    @property
    def exit_text(self) -> str:
        """What the exit code means, in words."""
        return EXIT_TEXTS[self.kind][self.exit_code]


EXIT_TEXTS: Mapping[Kind, Mapping[ExitCode, str]] = {
    Kind.DRIFT: {
        ExitCode.IN_SYNC: "in sync",
        ExitCode.DRIFTED: "drifted",
        ExitCode.UNREACHABLE: "unreachable",
        ExitCode.FAILED: "failed",
        ExitCode.KEYS_NOT_COMPARED: "keys not compared",
    },
    Kind.VERIFY: {
        ExitCode.IN_SYNC: "synchronised",
        ExitCode.DRIFTED: "not synchronised",
        ExitCode.UNREACHABLE: "unreachable",
        ExitCode.FAILED: "failed",
        ExitCode.KEYS_NOT_COMPARED: "keys not compared",
    },
}

WELL = frozenset({State.IN_SYNC, State.SYNCHRONISED})
"""The states of a host of which there is nothing to tell."""


def plain(value: Any) -> Any:
    """A dataclass, and all inside it, as plain data."""
    if dataclasses.is_dataclass(value):
        return {entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def fingerprint(host: str, kind: FindingKind, line: str) -> str:
    """What is the same for the same finding in every run: neither the time nor the values that it happens to have."""
    return hashlib.sha256("\0".join((host, kind.value, line)).encode()).hexdigest()[:32]


def exit_code_of(hosts: tuple[Host, ...], *, keys_count: bool = False) -> ExitCode:
    """What a pipeline is told of these hosts; those that are allowed fail nothing."""
    found = {host.state for host in hosts if not host.allowed}
    for states, code in (
        ({State.FAILED}, ExitCode.FAILED),
        ({State.UNREACHABLE}, ExitCode.UNREACHABLE),
        ({State.DRIFTED, State.UNSYNCHRONISED}, ExitCode.DRIFTED),
        ({State.KEYS_NOT_COMPARED} if keys_count else set(), ExitCode.KEYS_NOT_COMPARED),
    ):
        if found & states:
            return code
    return ExitCode.IN_SYNC


def counts_of(kind: Kind, hosts: tuple[Host, ...]) -> dict[str, int]:
    """How many hosts have each state of this kind of document."""
    return {state.value: sum(host.state is state for host in hosts) for state in STATES[kind]}
