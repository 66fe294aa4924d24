# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts say of their clocks to the document of verify."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import (
    Domain,
    ExitCode,
    Listener,
    Platform,
    Sample,
    State,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.drift import About
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import as_json
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.verify import (
    Told,
    earlier_samples,
    verify_document,
)

ABOUT = About("2026-11-27T17:00:00Z", "verify-1")
NAMES = {"192.0.2.1": "ce1"}


def state(**changes: Any) -> dict[str, Any]:
    source = {"source": "192.0.2.1", "group": "224.0.1.1", "reach": 255, "selected": True, "key_id": 42, "poll": 64}
    ntp = {
        "synchronised": True,
        "role": "client",
        "stratum": 3,
        "reference_id": "192.0.2.1",
        "offset": 0.001,
        "associations": [{"source": "192.0.2.9", "selected": False}, source],
    }
    return {"ntp": {**ntp, **changes}}


def told(name: str, result: dict[str, Any], **more: Any) -> Told:
    return Told(name, Platform.LINUX, result, **more)


def test_each_host_is_told_by_its_own_words() -> None:
    hosts = [
        told("well", state()),
        told("off", state(offset=0.5)),
        told("alone", {**state(synchronised=False), "problems": [{"sentence": "nobody was heard"}]}),
        told("gone", {"unreachable": True, "msg": "no answer\nat all"}),
        told("odd", {"msg": "no engine"}),
    ]
    document = verify_document(hosts, ABOUT, NAMES, Domain(listeners=(Listener("well", "eth0", "224.0.1.1"),)))
    assert [host.state for host in document.hosts] == [
        State.SYNCHRONISED,
        State.UNSYNCHRONISED,
        State.UNSYNCHRONISED,
        State.UNREACHABLE,
        State.FAILED,
    ]
    assert [host.reason for host in document.hosts[2:]] == ["nobody was heard", "no answer", "no engine"]
    assert document.exit_code is ExitCode.FAILED
    links = [(link.host, link.source_host, link.group, link.key_id) for link in document.domain.links]
    assert links == [("well", "ce1", "224.0.1.1", 42), ("off", "ce1", "224.0.1.1", 42)]
    assert document.hosts[0].ntp is not None
    assert document.hosts[0].ntp.associations[0].selected
    assert len(document.domain.listeners) == 1


def test_offsets_of_earlier_documents_stay_and_are_bounded() -> None:
    earlier = tuple(Sample(f"2026-11-26T00:00:{number:02d}Z", number / 1000) for number in range(60))
    document = verify_document([told("h", state(), earlier=earlier * 2)], ABOUT, NAMES)
    samples = document.hosts[0].offsets
    assert len(samples) == 96
    assert samples[-1] == Sample(ABOUT.generated, 0.001)
    again = earlier_samples(document.as_data())
    assert again == {"h": samples}


def test_an_offset_of_nothing_is_no_sample() -> None:
    document = verify_document([told("h", state(synchronised=False, offset=0.0))], ABOUT, NAMES)
    assert document.hosts[0].offsets == ()


def test_what_is_no_document_has_no_samples() -> None:
    for data in (None, [], {"kind": "drift"}, {"kind": "verify", "hosts": [{"name": "h"}, 7, {"offsets": []}]}):
        assert earlier_samples(data) == {}


@pytest.mark.parametrize(
    "hosts",
    [
        5,
        "hosts",
        [7],
        [{"name": "ce1"}],
        [{"name": "ce1", "offsets": 5}],
        [{"name": "ce1", "offsets": [{"time": "yesterday", "offset": 0.1}]}],
        [{"name": "ce1", "offsets": [{"time": 5, "offset": 0.1}]}],
        [{"name": "ce1", "offsets": [{"time": ABOUT.generated, "offset": float("inf")}]}],
        [{"name": "ce1", "offsets": [{"time": ABOUT.generated, "offset": "nan"}]}],
    ],
)
def test_a_file_that_somebody_has_changed_gives_no_samples(hosts: Any) -> None:
    assert earlier_samples({"kind": "verify", "hosts": hosts}) == {}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_not_told(odd: float) -> None:
    document = verify_document([told("ce1", state(offset=odd, stratum=odd))], ABOUT, NAMES)
    assert "Infinity" not in as_json(document) and "NaN" not in as_json(document)
