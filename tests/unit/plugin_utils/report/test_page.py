# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report page without a browser: what it says, what it is made of, and that no text of a host is more than text."""

from __future__ import annotations

import base64
import dataclasses
import fnmatch
import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from fixtures.reports import examples, hostile
from fixtures.reports.fleet import fleet

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import (
    Document,
    Domain,
    ExitCode,
    Host,
    Kind,
    Link,
    Listener,
    NtpState,
    Platform,
    Sample,
    Sender,
    State,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS, file_name
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.html import graph, grouping, offsets, texts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.html.domain_map import domain_map
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.html.page import as_html
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.html.view import STATE_TEXTS, page_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.visible import visible

ROOT = Path(__file__).resolve().parents[4]
ADDRESSES = {"href", "src", "action", "data", "xlink:href", "poster", "srcset", "background", "formaction"}
LOADING = {"img", "iframe", "object", "embed", "link", "base", "image", "foreignobject", "audio", "video", "source"}
VOID = {"meta", "input", "br"}


class Parsed(HTMLParser):
    """The page as a browser takes it: elements with their attributes, and the text outside of style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, str] = {}
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] in (["style"], ["script"]):
            self.raw[self.open[-1]] = self.raw.get(self.open[-1], "") + data
        else:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


DOCUMENTS = {
    "drift": examples.drift,
    "verify": examples.verify,
    "fleet drift": lambda: fleet(Kind.DRIFT),
    "fleet verify": lambda: fleet(Kind.VERIFY),
    "hostile drift": lambda: hostile.document(Kind.DRIFT),
    "hostile verify": lambda: hostile.document(Kind.VERIFY),
    "nobody": lambda: document(()),
}


def document(hosts: tuple[Host, ...], kind: Kind = Kind.DRIFT, domain: Domain | None = None) -> Document:
    return examples.document(kind, hosts, domain or Domain())


def host(name: str, state: State = State.IN_SYNC, **rest: object) -> Host:
    return Host(name, Platform.VRP, state, **rest)  # type: ignore[arg-type]


def test_it_is_a_format() -> None:
    assert FORMATS["html"](examples.drift()) == as_html(examples.drift())
    assert file_name(Kind.DRIFT, "html") == "drift.html"


def test_it_is_loaded_where_it_is_written() -> None:
    program = (
        f"import sys, {FORMATS['html'].__module__}\nprint(*(name for name in sys.modules if '.report.html' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_element_is_closed_and_has_an_id_of_its_own(name: str) -> None:
    parsed = Parsed(as_html(DOCUMENTS[name]()))
    assert parsed.open == []
    ids = [attributes["id"] for _tag, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes["aria-labelledby"] for _tag, attributes in parsed.elements if "aria-labelledby" in attributes}
    assert labels <= set(ids)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_loads_nothing_and_runs_nothing_but_its_own_script(name: str) -> None:
    parsed = Parsed(as_html(DOCUMENTS[name]()))
    for tag, attributes in parsed.elements:
        assert tag not in {
            "img",
            "iframe",
            "object",
            "embed",
            "link",
            "base",
            "image",
            "foreignobject",
            "audio",
            "video",
        }
        assert not [key for key in attributes if key.startswith("on") or key == "style"]
        assert all((attributes[key] or "").startswith("#") for key in ADDRESSES & set(attributes))
    assert [tag for tag, _attributes in parsed.elements if tag in {"script", "style"}] == ["style", "script"]
    assert "url(" not in parsed.raw["style"] and "@import" not in parsed.raw["style"]
    assert not re.search(r"innerHTML|eval\(|fetch\(|XMLHttp|https?:", parsed.raw["script"])


def test_the_policy_names_the_script_and_the_styles_by_their_hashes() -> None:
    parsed = Parsed(as_html(examples.drift()))
    policy = next(
        entry["content"] for tag, entry in parsed.elements if entry.get("http-equiv") == "Content-Security-Policy"
    )
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(parsed.raw[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("kind", list(Kind))
def test_a_hostile_text_is_shown_as_it_is(kind: Kind) -> None:
    page = as_html(hostile.document(kind))
    page.encode("utf-8")
    parsed = Parsed(page)
    assert "\u202e" not in page and "\x1b" not in page and "\x00" not in page
    for attempt in (hostile.SCRIPT, "{{ 7 * 7 }}{% raw %}", "\\u{202e}esrever", "\\u{1b}[31mred"):
        assert attempt in parsed.words
    assert "49" not in {word.strip("{}%") for word in parsed.words.split()}


def test_all_of_a_host_is_in_its_card() -> None:
    words = Parsed(as_html(examples.drift())).words
    for told in (
        "inventory/group_vars/servers.yml, line 12",
        "224.0.1.1 on Vlanif100, key 42, ttl 16",
        "ntp trusted authentication-keyid 42",
        "ttl for the test <lab & co>",
        "site-20261120T090000Z",
        "Keys changed on the device42",
        "The account may not list commits (level 3).",
        "192.0.2.5: no answer at port 22 within 10 s",
    ):
        assert told in words
    words = Parsed(as_html(examples.verify())).words
    for told in ("ce1 followed224.0.1.1eth02+250 ms37742", "5 offsets since 2026-11-27T13:00:00Z", "role client"):
        assert told in words


def verdict(*hosts: Host, kind: Kind = Kind.DRIFT) -> str:
    return page_of(document(hosts, kind)).verdict


def test_the_verdict_calls_nothing_well_that_was_not_seen_to_be() -> None:
    well, allowed = host("a"), host("b", State.DRIFTED, allowed=True)
    assert verdict() == "No host was looked at"
    assert verdict(well) == "The host is in sync"
    assert verdict(well, host("b")) == "All 2 hosts are in sync"
    assert verdict(well, allowed) == "2 hosts differ in nothing but what is allowed"
    assert verdict(well, host("b", State.UNREACHABLE)) == "1 of 2 hosts is not in sync"
    assert verdict(well, host("b", State.KEYS_NOT_COMPARED)) == "1 of 2 hosts: in sync, but keys could not be compared"
    assert verdict(host("a", State.FAILED), kind=Kind.VERIFY) == "1 of 1 host is not synchronised"
    assert not page_of(document(())).well


def test_a_host_that_is_not_well_always_tells_something() -> None:
    silent = host("a", State.FAILED, reason="no reason given")
    (finding,) = grouping.findings_of(silent)
    assert (finding.kind, finding.text) == (grouping.FindingKind.FAILED, "no reason given")


def test_equal_findings_are_told_once_and_the_gravest_first() -> None:
    groups = grouping.grouped(fleet(Kind.DRIFT, 1000).hosts)
    assert [(group.label, len(group.hosts), group.alike) for group in groups] == [
        ("Not checked", 1, False),
        ("Unreachable", 12, True),
        ("Service not running", 9, False),
        ("Key changed on device", 4, False),
        ("Key file changed", 1, False),
        ("Line differs", 1, False),
        ("Extra line", 14, False),
        ("Key not compared", 4, False),
        ("Extra line", 1, False),
    ]
    assert groups[-1].allowed


def test_every_kind_of_finding_has_a_label() -> None:
    assert set(grouping.LABELS) == set(grouping.FindingKind)
    assert set(STATE_TEXTS) == set(State)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], []),
        (["a"], ["a"]),
        (["leaf1", "leaf2"], ["leaf1", "leaf2"]),
        ([f"leaf{number}" for number in range(8, 12)], ["leaf8–11"]),  # noqa: RUF001
        (["leaf003", "leaf001", "leaf002", "leaf005"], ["leaf001–003", "leaf005"]),  # noqa: RUF001
        (["leaf01", "leaf2", "leaf3"], ["leaf01", "leaf2", "leaf3"]),
        (["r1.fra", "r2.fra", "r3.fra", "r4.ams"], ["r1–3.fra", "r4.ams"]),  # noqa: RUF001
        (["", "7", "8", "9"], ["", "7–9"]),  # noqa: RUF001
    ],
)
def test_consecutive_names_are_one(names: list[str], told: list[str]) -> None:
    assert texts.ranges(names) == told


def test_characters_that_steer_are_written_out() -> None:
    assert visible("a\u202eb\x1b\ud800\u200b") == "a\\u{202e}b\\u{1b}\\u{d800}\\u{200b}"
    assert visible("Grüße, 東京\n\tß") == "Grüße, 東京\n\tß"


def test_a_map_of_a_thousand_hosts_can_be_read_and_leaves_nobody_out() -> None:
    found = fleet(Kind.VERIFY, 1000)
    drawn = graph.graph_of(found)
    assert len(drawn.senders) == 5
    assert len(drawn.listeners) <= graph.MOST_NODES
    listed = [(node.group, name) for node in drawn.listeners for name in node.hosts]
    assert sorted(listed) == sorted((entry.group, entry.host) for entry in found.domain.listeners)
    assert sum(flow.hosts for flow in drawn.flows if flow.listener is not None) == len(found.domain.listeners)


def test_hosts_that_are_not_well_are_never_in_a_box_with_others() -> None:
    found = fleet(Kind.VERIFY, 1000)
    states = {entry.name: entry.state for entry in found.hosts}
    for node in graph.graph_of(found).listeners:
        assert {states[name] for name in node.hosts} == {node.state}


def test_a_few_hosts_that_are_not_well_have_boxes_of_their_own() -> None:
    listeners = graph.graph_of(fleet(Kind.VERIFY)).listeners
    lost = [node.hosts for node in listeners if node.state is State.UNSYNCHRONISED]
    assert lost == [("fra-leaf05",), ("fra-leaf06",), ("ams-web04",), ("ams-web07",)]


def synchronised(name: str) -> Host:
    return host(name, State.SYNCHRONISED, ntp=NtpState(True, "client", 3, None, 1e-5))


def test_a_source_that_is_not_described_is_on_the_map_and_told() -> None:
    domain = Domain(
        (Sender("ce1", "Vlanif1", "224.0.1.1", 42, 16),),
        (Listener("web1", "eth0", "224.0.1.1"), Listener("web2", "eth0", "224.0.1.1")),
        (Link("web1", "203.0.113.66", None, "224.0.1.1", None), Link("web2", "192.0.2.1", "ce1", None, 42)),
    )
    found = document((synchronised("ce1"), synchronised("web1"), synchronised("web2")), Kind.VERIFY, domain)
    drawn = graph.graph_of(found)
    assert [(node.hosts, node.sends[0].text) for node in drawn.senders] == [
        (("203.0.113.66",), "key unknown · not described"),
        (("ce1",), "key 42 · ttl 16"),
    ]
    followed = {
        drawn.listeners[flow.listener or 0].hosts: drawn.senders[flow.sender or 0].hosts for flow in drawn.flows
    }
    assert followed == {("web1",): ("203.0.113.66",), ("web2",): ("ce1",)}
    drawing = domain_map(drawn, lambda state: STATE_TEXTS[state])
    assert drawing is not None
    assert next(box for box in drawing.boxes if box.title == "203.0.113.66").hosts == ("web1",)


def test_a_listener_that_follows_nobody_is_not_drawn_to_a_sender() -> None:
    domain = Domain((Sender("ce1", "Vlanif1", "224.0.1.1"),), (Listener("web1", "eth0", "224.0.1.1"),))
    lost = host("web1", State.UNSYNCHRONISED, ntp=NtpState(False))
    flows = graph.graph_of(document((host("ce1", State.SYNCHRONISED), lost), Kind.VERIFY, domain)).flows
    assert [(flow.sender, flow.listener, flow.seen) for flow in flows] == [(None, 0, True), (0, None, False)]


def test_ribbons_leave_and_arrive_inside_their_boxes() -> None:
    drawing = domain_map(graph.graph_of(fleet(Kind.VERIFY, 1000)), lambda state: STATE_TEXTS[state])
    assert drawing is not None
    boxes = {box.key: box for box in drawing.boxes}
    for ribbon in drawing.ribbons:
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", ribbon.path)]
        edges = [boxes[end] for end in ribbon.ends]
        assert any(
            abs(box.x + box.width - numbers[0]) < 1 and box.y <= numbers[1] <= box.y + box.height for box in edges
        )
        assert any(abs(box.x - numbers[6]) < 1 and box.y <= numbers[7] <= box.y + box.height for box in edges)
    for one in drawing.boxes:
        below = [box for box in drawing.boxes if box.x == one.x and box.y > one.y]
        assert all(box.y >= one.y + one.height for box in below)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0 s"),
        (1.5e-5, "+15.0 µs"),
        (-0.25, "-250 ms"),
        (2.0, "+2.00 s"),
        (3e-8, "+30 ns"),
        (-1.2345e-3, "-1.23 ms"),
    ],
)
def test_offsets_are_told_in_a_fitting_unit(seconds: float, told: str) -> None:
    assert offsets.offset_text(seconds) == told


def test_sizes_have_no_sign() -> None:
    assert [offsets.size_text(seconds) for seconds in (0.0, -1.5e-5, 1.5e-5)] == ["0 s", "15.0 µs", "15.0 µs"]


def test_the_offset_of_a_host_that_follows_nobody_is_not_plotted() -> None:
    lost = host("a", State.UNSYNCHRONISED, ntp=NtpState(False, offset=0.0, root_dispersion=0.0))
    assert offsets.offset_plot(document((lost,), Kind.VERIFY)) is None
    assert "root dispersion 0 s" in Parsed(as_html(document((lost,), Kind.VERIFY))).words


def test_a_sentence_is_told_without_the_line_that_stands_beside_it() -> None:
    kind, line = grouping.FindingKind.LINE_DIFFERENT, "ntp server 1 (interface Vlanif1)"
    assert grouping.about_line(kind, line, f"{line}: the device has 'a', described is 'b'.") == (
        "the device has 'a', described is 'b'."
    )
    assert grouping.both_sides("the device has 'a', described is 'b'.") == ("a", "b")
    assert grouping.both_sides("the device has another unit.") is None
    assert grouping.about_line(grouping.FindingKind.LINE_EXTRA, line, f"{line} is on the device.") == ""


def test_the_plot_has_every_offset_once_and_in_order() -> None:
    found = fleet(Kind.VERIFY, 1000)
    plot = offsets.offset_plot(found)
    assert plot is not None
    told = {entry.name: entry.ntp.offset for entry in found.hosts if entry.ntp and entry.ntp.offset is not None}
    dots = [dot for band in plot.bands for dot in band.dots]
    assert len(dots) == len(told)
    assert all(0 <= dot.x <= offsets.WIDTH and 0 <= dot.y <= plot.height for dot in dots)
    by_place = sorted(dots, key=lambda dot: told[dot.label.split(" ")[0]])
    assert all(before.x <= after.x for before, after in zip(by_place, by_place[1:]))


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), None])
def test_what_is_no_offset_is_not_plotted(offset: float | None) -> None:
    odd = host("a", State.SYNCHRONISED, ntp=NtpState(True, offset=offset))
    assert offsets.offset_plot(document((odd,), Kind.VERIFY)) is None
    assert Parsed(as_html(document((odd,), Kind.VERIFY))).open == []


def test_a_line_of_offsets_needs_two() -> None:
    sample = Sample("2026-11-27T17:00:00Z", 0.001)
    assert offsets.sparkline((sample,)) is None
    line = offsets.sparkline((sample, dataclasses.replace(sample, offset=-0.001)))
    assert line is not None and line.points == "3,3 217,33"


def test_the_page_is_in_the_collection_that_is_built() -> None:
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    folder = ROOT / "plugins" / "plugin_utils" / "report" / "html"
    files = {path.relative_to(ROOT) for path in folder.iterdir() if path.is_file()}
    assert {path.name for path in files} >= {"page.html.j2", "host.html.j2", "page.css", "page.js"}
    assert not [path for path in files for pattern in ignored if fnmatch.fnmatch(path.name, pattern)]


def test_an_exit_code_is_told_in_words() -> None:
    told = dataclasses.replace(examples.drift(), exit_code=ExitCode.KEYS_NOT_COMPARED)
    assert "5, keys not compared" in Parsed(as_html(told)).words
