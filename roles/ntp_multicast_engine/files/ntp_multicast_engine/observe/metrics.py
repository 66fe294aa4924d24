# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as Prometheus metrics, for the textfile collector of a node exporter. What is unknown is left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ntp_multicast_engine.observe.journal import WARNING, tell
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

INTERVAL = 16 * NANOSECONDS
_PREFIX = "ntp_multicast_engine_"
# Fields of the status document as metrics name them: with their unit.
_SYSTEM = (
    ("synchronised", "Whether there is a time to give: 1 or 0."),
    ("stratum", "Stratum of this host."),
    ("offset_seconds", "Seconds by which the server's clock is ahead."),
    ("jitter_seconds", "Spread of the one-way samples, seconds."),
    ("root_delay_seconds", "Round trip to the reference, seconds."),
    ("root_dispersion_seconds", "Error bound against the reference, seconds."),
    ("frequency", "Parts per million by which the raw clock must be sped up."),
)
_ASSOCIATION = (
    ("selected", "Whether this server is followed: 1 or 0."),
    ("reach", "Which of the last eight packets came, as bits."),
    ("stratum", "Stratum of the server."),
    ("offset_seconds", "Seconds by which the server's clock is ahead."),
    ("delay_seconds", "Round trip, seconds."),
    ("jitter_seconds", "Spread of the one-way samples, seconds."),
    ("dispersion_seconds", "Error bound of the estimate, seconds."),
    ("last_received_seconds", "Age of the newest accepted packet, seconds."),
)
_FACTS = ("leap", "reference_id", "discipline", "upstream")


def text(document: Mapping[str, Any]) -> str:
    """All metrics of a status document, in the text format of Prometheus."""
    engine, system, counters = document["engine"], document["system"], document["counters"]
    facts = {"version": engine["version"], **{name: system[name] for name in _FACTS}}
    lines = [*_metric("info", "What else there is to know, as labels; always 1.", [(_label_text(facts), 1)])]
    lines += _metric("uptime_seconds", "Seconds since the engine was started.", [("", engine["uptime"])])
    failed = system["discipline_error"] is not None
    lines += _metric("discipline_failed", "Whether the clock can't be steered as it should: 1 or 0.", [("", failed)])
    for name, explanation in _SYSTEM:
        lines += _metric(name, explanation, [("", system[name.removesuffix("_seconds")])])
    for name, explanation in _ASSOCIATION:
        values = [(_labels(item), item[name.removesuffix("_seconds")]) for item in document["associations"]]
        lines += _metric(f"association_{name}", explanation, values)
    sent = [(_labels(item, "key_id"), item["sent"]) for item in document["servers"]]
    lines += _metric("multicasts_sent_total", "Packets sent to a group.", sent)
    lines += _metric("packets_received_total", "Packets that came.", [("", counters["received"])])
    lines += _metric("packets_sent_total", "Packets that left.", [("", counters["sent"])])
    dropped = [(_label_text({"reason": reason}), count) for reason, count in counters["dropped"].items()]
    lines += _metric("packets_dropped_total", "Packets that were refused.", dropped)
    return "".join(f"{line}\n" for line in lines)


def _metric(name: str, explanation: str, values: list[tuple[str, Any]]) -> Iterator[str]:
    known = [(labels, value) for labels, value in values if value is not None]
    if not known:
        return
    yield f"# HELP {_PREFIX}{name} {explanation}"
    yield f"# TYPE {_PREFIX}{name} {'counter' if name.endswith('_total') else 'gauge'}"
    for labels, value in known:
        yield f"{_PREFIX}{name}{labels} {int(value) if isinstance(value, bool) else value!r}"


def _labels(item: Mapping[str, Any], *more: str) -> str:
    return _label_text({name: item.get(name) for name in ("source", "interface", "group", *more)})


def _label_text(labels: Mapping[str, Any]) -> str:
    known = ((name, value) for name, value in labels.items() if value is not None)
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in known) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class MetricsFile:
    """The file that a node exporter reads.

    :param path: None writes nothing.
    :param raw: raw time of the start.
    """

    def __init__(self, path: str | None, raw: int) -> None:
        self._path = path
        self._complaint: str | None = None
        self.due = raw if path else None

    def wake(self, raw: int, document: Callable[[], Mapping[str, Any]]) -> None:
        """Write, if it is time; what stands in the way is logged once."""
        if self._path is None or self.due is None or raw < self.due:
            return
        self.due = raw + INTERVAL
        try:
            write(Path(self._path), document())
            self._complaint = None
        except OSError as error:
            if self._complaint != str(error):
                tell(WARNING, "metrics", f"no metrics: {error}", reason=str(error))
            self._complaint = str(error)


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Replace the file in one step, so that nobody reads half of it; raises OSError."""
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # Whoever collects them is another user, and the service has a strict umask.
        os.fchmod(descriptor, 0o644)
        file.write(text(document))
    temporary.replace(path)
