# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on trial on Linux hosts, and the way back: what was there before is there again, byte for byte."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
from typing import Any

import pytest

from .conftest import LAB, ROOT, Ansible, Host
from .role import SITE, UNIT, description, service_property, system_of, wait_for, wait_until_synchronised

STORE = "/var/lib/ntp-multicast-engine-generations"
TRIAL = {"trial": 60, "confirm": "synchronised"}
ROLL_BACK = """
- hosts: client
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: timecast.ntp_multicast.ntp_multicast_engine
        tasks_from: roll_back
      vars:
        ntp_multicast_engine_run_id: "{{ run_id }}"
"""


def changed(inventory: dict[str, Any], **sections: Any) -> dict[str, Any]:
    found = copy.deepcopy(inventory)
    found["all"]["hosts"]["client"].update(description(**sections))
    return found


def files(host: Host) -> str:
    """The configuration, the keys and the units with their owners and modes."""
    return host.output(
        "sh",
        "-c",
        "cd / && find etc/ntp-multicast-engine etc/systemd/system/ntp-multicast-engine* -type f "
        "| sort | xargs -I{} sh -c 'stat -c \"%n %a %U\" {}; sha256sum {}'",
    )


WRONG = {
    "wrong group": {"interfaces": [{"name": "eth0", "clients": [{"address": "239.255.9.9"}]}]},
    "wrong key": {
        "authentication": {
            "enabled": True,
            "keys": [{"id": 42, "algorithm": "aes-128-cmac", "secret": "Kc7-wrong-secret", "trusted": True}],
        }
    },
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_cannot_synchronise_is_as_before(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None, wrong: str
) -> None:
    host = hosts["client"]
    wait_until_synchronised(host)
    before = files(host)
    run = ansible.play(SITE, changed(inventory, commit=TRIAL, **WRONG[wrong]), "--limit", "client")
    assert run.code != 0
    assert "What was there before is put back, and its service runs." in run.output, run.output
    assert "Kc7-wrong-secret" not in run.output
    assert files(host) == before
    assert service_property(host, "ActiveState") == "active"
    wait_until_synchronised(host)


def test_a_killed_controller_leaves_the_host_to_go_back_by_itself(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None
) -> None:
    host = hosts["client"]
    wait_until_synchronised(host)
    before = files(host)
    (ansible.folder / "play.yml").write_text(SITE, encoding="utf-8")
    wrong = changed(inventory, commit=TRIAL, **WRONG["wrong group"])
    (ansible.folder / "inventory.json").write_text(json.dumps(wrong), encoding="utf-8")
    settings = {
        **ansible.lab.environment,
        "HOME": str(ansible.folder),
        "ANSIBLE_HOME": str(ansible.folder / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "LC_ALL": "C.UTF-8",
    }
    program = ROOT / ".venv" / "bin" / "ansible-playbook"
    with subprocess.Popen(
        [LAB, "net", "exec", program, "-i", "inventory.json", "play.yml", "--limit", "client"],
        env=settings,
        cwd=ansible.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        wait_for(lambda: "239.255.9.9" in host.output("cat", "/etc/ntp-multicast-engine/engine.json"), host)
        os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: files(host) == before, host)
    wait_until_synchronised(host)


def test_a_change_can_be_left_on_trial_and_is_taken_back(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None
) -> None:
    host = hosts["client"]
    before = files(host)
    run = ansible.play(SITE, changed(inventory, commit={"trial": 60, "confirm": "none"}, poll=5), "--limit", "client")
    assert run.code == 0, run.output
    refused = ansible.play(SITE, changed(inventory, poll=4), "--limit", "client")
    assert refused.code != 0
    assert "A change is on trial there" in refused.output
    host.run("systemctl", "start", "ntp-multicast-engine-trial.service")
    assert files(host) == before
    wait_until_synchronised(host)


def test_a_run_is_taken_back_byte_for_byte(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None
) -> None:
    host = hosts["client"]
    before = files(host)
    for run_id, poll in (("run-1", 4), ("run-1", 5), ("run-2", 6)):
        sections = {"commit": {"label": run_id}, "metrics": poll == 4, "reference_id": f"GEN{poll}"}
        done = ansible.play(SITE, changed(inventory, **sections), "--limit", "client")
        assert done.code == 0, done.output
        assert done.changed["client"] >= 1
    assert host.output("stat", "-c", "%a %U", STORE) == "700 root"
    refused = ansible.play(ROLL_BACK, inventory, "-e", "run_id=run-1")
    assert refused.code != 0
    assert "run-2" in refused.output
    assert files(host) != before
    everything = ["-e", "run_id=run-1", "-e", "ntp_multicast_engine_rollback_others=true"]
    look = ansible.play(ROLL_BACK, inventory, *everything, "--check")
    assert look.code == 0, look.output
    assert "engine.json" in look.output
    assert files(host) != before
    taken = ansible.play(ROLL_BACK, inventory, *everything)
    assert taken.code == 0, taken.output
    assert files(host) == before
    assert system_of(host)
    again = ansible.play(ROLL_BACK, inventory, *everything)
    assert again.code == 0, again.output
    assert again.changed["client"] == 0


def test_the_oldest_ansible_core_keeps_generations_too(
    oldest_ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None
) -> None:
    host = hosts["client"]
    sections = {"commit": {"label": "run-of-2.16"}, "reference_id": "OLD"}
    for changes in (1, 0):
        done = oldest_ansible.play(SITE, changed(inventory, **sections), "--limit", "client")
        assert done.code == 0, done.output
        assert (done.changed["client"] > 0) == bool(changes), done.output
    kept = host.output("sh", "-c", f"cat {STORE}/*/generation.json")
    assert kept.count("run-of-2.16") == 1


def test_only_the_last_generations_stay(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], deployed: None
) -> None:
    host = hosts["client"]
    for number in range(3):
        sections = {"generations": 2, "reference_id": f"N{number}"}
        assert ansible.play(SITE, changed(inventory, **sections), "--limit", "client").code == 0
    kept = [name for name in host.output("ls", STORE).split() if name.isdecimal()]
    assert len(kept) == 2
    assert service_property(host, "ActiveState", UNIT) == "active"
