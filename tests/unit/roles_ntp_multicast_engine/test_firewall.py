# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what the role has opened in a firewall. The rules themselves: tests/integration/linux."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
import sys
from typing import Any

import pytest

FILE = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast_engine" / "files" / "firewall.py"


def load() -> Any:
    specification = importlib.util.spec_from_file_location("firewall", FILE)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


firewall = load()
OPENED = {"kind": "firewalld", "place": ["public"], "rules": ["rule"]}


def test_a_record_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "r").write_text(json.dumps(OPENED))
    assert firewall.opened_before(str(tmp_path / "r")) == OPENED


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"kind": "pf"}', '{"kind": "nftables", "rules": {}}', "null"])
def test_a_record_of_somebody_else_tells_nothing(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "r").write_text(text)
    assert firewall.opened_before(str(tmp_path / "r")) == firewall.NOTHING


@pytest.mark.parametrize(
    ("interface", "link", "rule"),
    [
        ("eth0", {}, 'iifname "eth0" udp dport 123 accept'),
        ("uplink", {}, 'iifname "eth0" udp dport 123 accept'),
        ("eth9", {}, 'iifname "eth9" udp dport 123 accept'),
        ("eth0", {"master": "br0", "linkinfo": {"info_slave_kind": "bridge"}}, 'iifname "eth0" udp dport 123 accept'),
        (
            "uplink",
            {"master": "blue", "linkinfo": {"info_kind": "veth", "info_slave_kind": "vrf"}},
            'iifname { "eth0", "blue" } udp dport 123 accept',
        ),
    ],
)
def test_a_rule_has_the_names_that_packets_have(
    monkeypatch: pytest.MonkeyPatch, interface: str, link: dict[str, Any], rule: str
) -> None:
    """An alternative name matches nothing in nftables, and what comes in to a VRF has come in over the VRF."""

    def index(name: str) -> int:
        if name not in ("eth0", "uplink"):
            raise OSError
        return 2

    monkeypatch.setattr(firewall.socket, "if_nametoindex", index)
    monkeypatch.setattr(firewall.socket, "if_indextoname", {2: "eth0"}.__getitem__)
    told = subprocess.CompletedProcess([], 0, json.dumps([{"ifname": "eth0", **link}]), "")
    monkeypatch.setattr(firewall, "run", lambda *_command: told)
    assert firewall.as_seen(f'iifname "{interface}" udp dport 123 accept') == rule


class Zones:
    """A firewalld with eth0 in the zone work, and nobody's rules."""

    def __init__(self) -> None:
        self.rules: dict[tuple[str, str], list[str]] = {}
        self.gone: list[str] = []
        self.state = "running"
        self.tables = "table inet filter\ntable inet firewalld\n"

    def run(self, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
        assert not text
        way = "permanent" if "--permanent" in command else "runtime"
        zone = next((word.partition("=")[2] for word in command if word.startswith("--zone=")), "")
        if command[0] == "ip" or zone in self.gone:
            return subprocess.CompletedProcess(command, 112, "", "INVALID_ZONE")
        if command[0] == "nft":
            return subprocess.CompletedProcess(command, 0, self.tables, "")
        here, out = self.rules.setdefault((way, zone), []), ""
        for word in command[1:]:
            option, _equals, value = word.partition("=")
            if option == "--get-default-zone":
                out = "public"
            elif option == "--state":
                out = self.state
            elif option == "--get-zone-of-interface":
                out = {"eth0": "work"}.get(value, "")
                if not out:
                    return subprocess.CompletedProcess(command, 2, "no zone", "")
            elif option == "--list-rich-rules":
                out = "\n".join(here)
            elif option == "--add-rich-rule":
                here.append(value)
            elif option == "--remove-rich-rule":
                here.remove(value)
        return subprocess.CompletedProcess(command, 0, out, "")

    def there(self) -> dict[tuple[str, str], list[str]]:
        return {place: rules for place, rules in self.rules.items() if rules}


@pytest.fixture
def zones(monkeypatch: pytest.MonkeyPatch) -> Zones:
    made = Zones()
    monkeypatch.setattr(firewall, "run", made.run)
    monkeypatch.setattr(firewall, "uses_nftables", lambda: True)
    return made


A, B = 'rule family="ipv4" protocol value="igmp" accept', 'rule family="ipv4" port port="123" protocol="udp" accept'
NOTHING = {"kind": "none", "place": [], "rules": []}


def wanted(*rules: str, place: str = "") -> dict[str, Any]:
    return {"kind": "firewalld", "place": [place] if place else [], "rules": list(rules)}


def test_a_rule_goes_to_the_zone_of_its_interface(tmp_path: pathlib.Path, zones: Zones) -> None:
    record = str(tmp_path / "firewall.json")
    came, _went, changed = firewall.bring(record, wanted(f"eth0 {A}", f"eth1 {A}", f"* {B}"), False)
    assert changed and f"{A} (zone work)" in came
    both = {
        (way, zone): rules for way in ("runtime", "permanent") for zone, rules in (("work", [A]), ("public", [A, B]))
    }
    assert zones.there() == both
    assert firewall.bring(record, wanted(f"eth0 {A}", f"eth1 {A}", f"* {B}"), False) == ([], [], False)
    firewall.bring(record, wanted(f"eth0 {A}", place="dmz"), False)
    assert zones.there() == {("runtime", "dmz"): [A], ("permanent", "dmz"): [A]}
    firewall.bring(record, NOTHING, False)
    assert zones.there() == {} and not (tmp_path / "firewall.json").exists()


@pytest.mark.parametrize("own", [("permanent", "work"), ("runtime", "work"), ("permanent", "public")])
def test_what_somebody_had_in_one_place_stays_there(tmp_path: pathlib.Path, zones: Zones, own: tuple[str, str]) -> None:
    record = str(tmp_path / "firewall.json")
    zones.rules[own] = [A]
    firewall.bring(record, wanted(f"eth0 {A}", f"eth1 {A}"), False)
    assert len(zones.there()) == 4
    firewall.bring(record, NOTHING, False)
    assert zones.there() == {own: [A]}


def test_a_zone_that_was_removed_has_nothing_to_take_back(tmp_path: pathlib.Path, zones: Zones) -> None:
    record = str(tmp_path / "firewall.json")
    firewall.bring(record, wanted(f"eth0 {A}"), False)
    zones.gone = ["work"]
    assert firewall.bring(record, NOTHING, False)[2] and not (tmp_path / "firewall.json").exists()
    with pytest.raises(firewall.Refused, match="INVALID_ZONE"):
        firewall.bring(record, wanted(f"eth0 {A}"), False)


@pytest.mark.parametrize("change", [{"state": "failed"}, {"tables": ""}])
def test_a_firewalld_without_its_rules_is_refused(tmp_path: pathlib.Path, zones: Zones, change: dict[str, str]) -> None:
    """It lists them, whatever is in the kernel: a comparison would be green."""
    record = str(tmp_path / "firewall.json")
    firewall.bring(record, wanted(f"eth0 {A}"), False)
    vars(zones).update(change)
    for document in (wanted(f"eth0 {A}"), NOTHING):
        with pytest.raises(firewall.Refused, match="its rules are not in the kernel"):
            firewall.bring(record, document, True)


def test_the_record_of_an_older_release_is_taken_back(tmp_path: pathlib.Path, zones: Zones) -> None:
    record = tmp_path / "firewall.json"
    record.write_text(json.dumps({"kind": "firewalld", "place": ["public"], "rules": [A]}))
    zones.rules = {("runtime", "public"): [A, B], ("permanent", "public"): [A]}
    firewall.bring(str(record), NOTHING, False)
    assert zones.there() == {("runtime", "public"): [B]}


def test_without_iproute2_the_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_command: str) -> None:
        raise firewall.Missing

    monkeypatch.setattr(firewall, "run", missing)
    assert firewall.as_seen('iifname "lo" accept') == 'iifname "lo" accept'


@pytest.mark.parametrize(("kind", "command"), [("nftables", "nft"), ("firewalld", "firewall-cmd")])
def test_a_firewall_that_is_not_installed_is_refused_with_the_variable(
    tmp_path: pathlib.Path, kind: str, command: str
) -> None:
    place = ["inet", "filter", "input"] if kind == "nftables" else []
    done = subprocess.run(
        [sys.executable, FILE, tmp_path / "record", json.dumps({"kind": kind, "place": place, "rules": []})],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith(f"ntp_multicast_engine_firewall is {kind}, and '{command}' does not run on this host")
    assert done.stdout.endswith(f"Install {kind}, or set ntp_multicast_engine_firewall to none.\n")
