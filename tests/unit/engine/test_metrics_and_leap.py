# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics for Prometheus, and when a leap second is accepted."""

from __future__ import annotations

import datetime
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from unit.engine.conftest import Event
from unit.engine.simulation import Node, Simulation, client_configuration, server_configuration

from ntp_multicast_engine import __version__
from ntp_multicast_engine.observe.metrics import INTERVAL, MetricsFile, text
from ntp_multicast_engine.observe.status import (
    EngineStatus,
    Status,
    association_status,
    counters,
    server_status,
    system_status,
)
from ntp_multicast_engine.protocol import leap

# https://prometheus.io/docs/instrumenting/exposition_formats/
SAMPLE = re.compile(
    r'[a-z_]+(\{([a-z_]+="(\\[\\"n]|[^"\\\n])*"(,(?!\})|(?=\})))+\})? -?([0-9]+(\.[0-9]+)?(e-?[0-9]+)?|inf|nan)'
)


def document(node: Node) -> dict[str, Any]:
    engine, now = node.engine, node.clock.now()
    return Status(
        EngineStatus(__version__, 1, 2.0),
        system_status(engine, now, "monitor", None),
        association_status(engine, now),
        server_status(engine),
        counters(engine, 3),
    ).document()


def samples(lines: str) -> dict[str, float]:
    found = {}
    for line in lines.splitlines():
        if not line.startswith("# "):
            assert SAMPLE.fullmatch(line), line
            name, value = line.rsplit(" ", 1)
            assert name not in found, "a sample twice"
            found[name] = float(value)
    return found


def test_metrics_tell_what_the_status_tells() -> None:
    simulation = Simulation()
    server = Node(simulation, "10.0.0.1", server_configuration())
    client = Node(simulation, "10.0.0.2", client_configuration(), offset=-0.25)
    before = samples(text(document(client)))
    assert before["ntp_multicast_engine_synchronised"] == 0 and "ntp_multicast_engine_offset_seconds" not in before
    simulation.run(60)
    found = samples(text(document(client)))
    facts = f'{{version="{__version__}",leap="none",reference_id="10.0.0.1",discipline="monitor"}}'
    assert found[f"ntp_multicast_engine_info{facts}"] == 1
    assert found["ntp_multicast_engine_uptime_seconds"] == 2 and found["ntp_multicast_engine_discipline_failed"] == 0
    labels = '{source="10.0.0.1",interface="eth0",group="224.0.1.1"}'
    assert found["ntp_multicast_engine_synchronised"] == 1
    assert found["ntp_multicast_engine_offset_seconds"] == pytest.approx(0.25, abs=1e-5)
    assert found[f"ntp_multicast_engine_association_selected{labels}"] == 1
    assert found[f"ntp_multicast_engine_association_delay_seconds{labels}"] == pytest.approx(200e-6, rel=0.01)
    assert found['ntp_multicast_engine_packets_dropped_total{reason="kernel_filter"}'] == 3
    sent = samples(text(document(server)))
    stream = '{interface="eth0",group="224.0.1.1",key_id="42"}'
    assert sent[f"ntp_multicast_engine_multicasts_sent_total{stream}"] == len(simulation.wire)
    assert any('upstream="local"' in name for name in sent)
    broken = document(client)
    broken["system"]["discipline_error"] = "chronyd is away"
    assert samples(text(broken))["ntp_multicast_engine_discipline_failed"] == 1


def test_labels_cannot_break_out() -> None:
    simulation = Simulation()
    shown = document(Node(simulation, "10.0.0.2", client_configuration()))
    shown["counters"]["dropped"] = {'a"b\\c\nd': 1}
    assert 'reason="a\\"b\\\\c\\nd"' in text(shown)
    assert samples(text(shown))


def test_the_file_is_replaced_when_it_is_time(tmp_path: Path, logged: list[Event]) -> None:
    shown = document(Node(Simulation(), "10.0.0.2", client_configuration()))
    path = tmp_path / "engine.prom"
    metrics = MetricsFile(str(path), 100)
    metrics.wake(100, lambda: shown)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644 and [item.name for item in tmp_path.iterdir()] == [path.name]
    path.unlink()
    metrics.wake(99 + INTERVAL, lambda: shown)
    assert not path.exists()
    metrics.wake(100 + INTERVAL, lambda: shown)
    assert path.read_text() == text(shown)
    nothing = MetricsFile(None, 0)
    nothing.wake(10**18, lambda: shown)
    assert nothing.due is None
    lost = MetricsFile(str(tmp_path / "nowhere" / "x"), 0)
    for number in range(3):
        lost.wake(number * INTERVAL, lambda: shown)
    assert len([event for event in logged if "no metrics" in event.sentence]) == 1


def at(*date: int) -> int:
    return int(datetime.datetime(*date, tzinfo=datetime.timezone.utc).timestamp()) * 10**9  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("warning", [1, 2])
@pytest.mark.parametrize(
    ("when", "credible", "today"),
    [
        (at(2026, 6, 1), True, False),
        (at(2026, 6, 30), True, True),
        (at(2026, 6, 30, 23, 59, 59), True, True),
        (at(2026, 7, 1), False, False),
        (at(2026, 12, 30, 23, 59, 59), True, False),
        (at(2026, 12, 31), True, True),
        (at(2027, 1, 1), False, False),
        (at(2027, 3, 31), False, False),
        (at(2040, 12, 31, 12), True, True),
    ],
)
def test_leap_seconds_have_their_months(warning: int, when: int, credible: bool, today: bool) -> None:
    assert leap.credible(warning, when) == (warning if credible else 0)
    assert leap.today(warning, when) == (warning if today else 0)
    assert leap.credible(3, when) == leap.today(3, when) == 3
    assert leap.credible(0, when) == leap.today(0, when) == 0
