# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what the role has opened in a firewall. The rules themselves: tests/integration/linux."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import subprocess
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


def test_without_iproute2_the_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_command: str) -> None:
        raise firewall.Missing

    monkeypatch.setattr(firewall, "run", missing)
    assert firewall.as_seen('iifname "lo" accept') == 'iifname "lo" accept'
