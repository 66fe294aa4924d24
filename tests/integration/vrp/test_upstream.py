# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unicast servers that a device follows: what real runs of ansible-playbook make of them."""

from __future__ import annotations

import copy
from typing import Any

from harness import SECRET, Playbooks, server_config, task

PORTS = {"CE1": "100GE1/0/1", "NE1": "GigabitEthernet0/1/0"}
PORT = "{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"
ONE = {"address": "10.9.9.9", "key_id": 42, "preferred": True, "minpoll": 4}
SIX = {"address": "FD00:9::9", "source_interface": PORT}


def config(*upstream: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = copy.deepcopy(server_config(PORT))
    found["server"] = {**found["server"], "upstream": list(upstream), **more}
    return found


def lines_of(playbooks: Playbooks, name: str) -> list[str]:
    text = playbooks.devices[name].running_configuration()
    return [line.partition(" ")[2] for line in text.splitlines() if "unicast-" in line]


def test_from_the_first_line_to_the_last(playbooks: Playbooks) -> None:
    for name, word in (("CE1", "ntp"), ("NE1", "ntp-service")):
        others = [f"{word} unicast-server 10.8.8.8 iburst", f"{word} unicast-peer 10.7.7.7"]
        playbooks.devices[name].change_as("ops", others)
    run = playbooks.run(
        [
            task(_register="predicted", _check=True, config=config(ONE, SIX)),
            task(_register="first", config=config(ONE, SIX)),
            task(_register="second", config=config(ONE, SIX)),
            task(_register="gathered", state="gathered"),
            task(_register="same", config="{{ gathered.gathered }}", state="overridden", update_secrets="never"),
        ]
    )
    assert run.code == 0, run.output
    assert SECRET not in run.output
    for name in playbooks.devices:
        predicted, first, second, same = (
            run.registered[each][name] for each in ("predicted", "first", "second", "same")
        )
        assert [each["changed"] for each in (predicted, first, second, same)] == [True, True, False, False]
        assert predicted["after"] == first["after"] and predicted["commands"] == first["commands"]
        words = " ".join(first["commands"])
        preferred = {"CE1": "preferred", "NE1": "preference"}[name]
        key, trust, line = (
            "authentication-mode",
            "ed authentication-keyid 42" if name == "CE1" else "reliable",
            "unicast-server 10.9.9.9",
        )
        assert words.index(key) < words.index(trust) < words.index(line) < words.index("server disable")
        assert lines_of(playbooks, name) == [
            "unicast-peer 10.7.7.7",
            "unicast-server 10.8.8.8 iburst",
            f"unicast-server 10.9.9.9 authentication-keyid 42 {preferred} minpoll 4",
            f"unicast-server ipv6 FD00:9::9 source-interface {PORTS[name]}",
        ]
        assert [entry["address"] for entry in run.registered["gathered"][name]["gathered"]["server"]["upstream"]] == [
            *("10.8.8.8", "10.9.9.9", "fd00:9::9")
        ]
    run = playbooks.run(
        [
            task(_register="overridden", config=config({"address": "10.9.9.9", "key_id": 42}), state="overridden"),
            task(_register="unnamed", state="deleted"),
            task(_register="deleted", config=config(ONE), state="deleted"),
            task(_register="again", config=config(ONE), state="deleted"),
        ]
    )
    assert run.code == 0, run.output
    for name in playbooks.devices:
        overridden, unnamed, deleted, again = (
            run.registered[each][name] for each in ("overridden", "unnamed", "deleted", "again")
        )
        undone = [command for command in overridden["commands"] if command.startswith("undo")]
        assert [command.partition("unicast-server ")[2] for command in undone] == [
            "10.8.8.8",
            "10.9.9.9",
            "ipv6 FD00:9::9",
        ]
        # Nobody has named it, so it stays with its key and with what the device serves.
        assert unnamed["after"]["server"]["upstream"] == [{"address": "10.9.9.9", "key_id": 42}]
        assert [key["id"] for key in unnamed["after"]["authentication"]["keys"]] == [42]
        assert unnamed["after"]["server"]["reference_stratum"] == 2
        commands = " ".join(deleted["commands"])
        assert commands.index("unicast-server 10.9.9.9") < commands.index("authentication-keyid 42")
        assert [deleted["changed"], again["changed"]] == [True, False]
        assert lines_of(playbooks, name) == ["unicast-peer 10.7.7.7"]


def test_what_is_wrong_is_said_before_a_device_is_touched(playbooks: Playbooks) -> None:
    wrong = config({"address": "224.0.1.1"}, {"address": "10.9.9.9", "key_id": 7, "vpn_instance": "a b"})
    run = playbooks.run([task(_failing=True, config=wrong)])
    for name, item in playbooks.devices.items():
        message = run.results[name]["msg"]
        for path in ("upstream[0].address: '224.0.1.1'", "upstream[1].vpn_instance: 'a b'", "upstream[1].key_id: 7"):
            assert f"config.server.{path} is refused" in message
        assert item.commands() == []


def test_a_line_that_the_device_refuses(playbooks: Playbooks) -> None:
    entry = {"address": "10.9.9.9", "vpn_instance": "red"}
    run = playbooks.run([task(_failing=True, config=config(entry))], hosts="CE1")
    assert "unicast-server 10.9.9.9 vpn-instance red" in run.results["CE1"]["msg"]
    assert run.results["CE1"]["changed"] is False
    playbooks.devices["CE1"].change_as("ops", ["ip vpn-instance red"])
    run = playbooks.run([task(config=config(entry)), task(_register="again", config=config(entry))], hosts="CE1")
    assert run.code == 0, run.output
    assert (run.results["CE1"]["changed"], run.registered["again"]["CE1"]["changed"]) == (True, False)
