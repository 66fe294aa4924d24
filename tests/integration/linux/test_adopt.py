# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook adopt on hosts with the engine, of which one also has an ntp.conf."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from .conftest import Ansible, Host, Run
from .role import SECRETS, assert_no_secret

NTP_CONF = "keys /etc/ntp.keys\ntrustedkey 9\nbroadcast 239.77.0.4 key 9 ttl 3\nbroadcastclient\n"
NTP_KEYS = f"9 M {SECRETS['second']}\n"


def play(ansible: Ansible, name: str, inventory: dict[str, Any], *arguments: str) -> Run:
    return ansible.play(f"- import_playbook: timecast.ntp_multicast.{name}\n", inventory, *arguments)


@pytest.fixture(name="bare", scope="module")
def bare_fixture(hosts: dict[str, Host], reached_by: dict[str, Any]) -> dict[str, Any]:
    """The hosts, and nothing of what they shall do."""
    return {"all": {"hosts": {name: {"ansible_host": host.v4} for name, host in hosts.items()}, "vars": reached_by}}


@pytest.mark.usefixtures("deployed")
def test_after_adopting_nothing_is_left_to_do(ansible: Ansible, hosts: dict[str, Host], bare: dict[str, Any]) -> None:
    hosts["client"].run("sh", "-c", "umask 077; cat > /etc/ntp.keys", input=NTP_KEYS)
    hosts["client"].run("sh", "-c", "cat > /etc/ntp.conf", input=NTP_CONF)
    run = play(ansible, "adopt", bare, "--diff", "-vvv")
    assert run.code == 0, run.output
    assert_no_secret(run)
    paths = [*ansible.folder.glob("*_vars/*/ntp_multicast.yml")]
    texts = {path.parent.name: path.read_text(encoding="utf-8") for path in paths}
    assert all(secret not in text for text in texts.values() for secret in SECRETS.values())
    assert "- address: 239.77.0.4" in texts["client"]
    assert "#   /etc/ntp.conf: broadcastclient" in texts["client"]
    server = yaml.safe_load(texts["server"])
    assert server["ntp_multicast_server"] == {"enabled": True, "listen": ["eth0"], "reference_stratum": 2}
    assert server["ntp_multicast_engine_metrics"] is True
    for filled in (False, True):
        if filled:
            vault = {"vault_ntp_multicast_key_42": SECRETS["second"], "vault_ntp_multicast_key_7": SECRETS["sha"]}
            (ansible.folder / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
            (ansible.folder / "group_vars" / "all" / "vault.yml").write_text(yaml.safe_dump(vault), encoding="utf-8")
        drift = play(ansible, "check_drift", bare)
        assert drift.code == 0, drift.output
        assert drift.output.count("in sync") >= 2, drift.output
        site = play(ansible, "site", bare, "--check", "--diff")
        assert site.code == 0, site.output
        assert set(site.changed.values()) == {0}, site.output
        assert_no_secret(site)


@pytest.mark.usefixtures("deployed")
def test_a_key_that_is_not_there_needs_its_secret(ansible: Ansible, bare: dict[str, Any]) -> None:
    key = {"id": 43, "algorithm": "md5", "secret": ""}
    described = {
        "ntp_multicast_update_secrets": "never",
        "ntp_multicast_authentication": {"keys": [key]},
        "ntp_multicast_interfaces": [{"name": "eth0", "clients": [{}]}],
    }
    run = play(ansible, "site", bare, "--check", "-e", yaml.safe_dump(described, default_flow_style=True, width=4096))
    assert run.code != 0
    assert "key 43 has none" in " ".join(run.output.split())
