# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of the modules run on a simulated device, in check mode where they change more than NTP."""

from __future__ import annotations

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from harness import SECRET, Playbooks, device

from vrp_simulator.testing import running_devices

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Whether an example runs for real. What stands in LEFT_OUT can't run here, and the reason.
REAL = ("vrp_ntp_multicast", "vrp_ntp_multicast_info", "vrp_facts")
CHECKED = ("vrp_command", "vrp_commit", "vrp_config")
LEFT_OUT = {
    "Wait until PIM has a neighbour": "the simulated devices have no PIM",
    "Go back to before a run of site": "no run of this name was made on the device",
}


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks, or plays, of the module's EXAMPLES."""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            assert isinstance(node.value, ast.Constant)
            found: list[dict[str, Any]] = yaml.safe_load(node.value.value)
            return found
    raise AssertionError(f"{module} has no EXAMPLES")


@pytest.fixture
def playbooks_of_a_switch(tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> Iterator[Playbooks]:
    settings = device("CE1", "ce-v300r023", "100GE1/0/1")
    settings["interfaces"].append({"name": "Vlanif100", "ipv4": "10.0.100.1/24"})
    with running_devices([settings], log_directory=tmp_path) as devices:
        yield Playbooks(tmp_path, devices, pytestconfig.rootpath)


def test_the_examples_of_modules_run(playbooks_of_a_switch: Playbooks) -> None:
    (playbooks_of_a_switch.directory / "templates").mkdir()
    (playbooks_of_a_switch.directory / "templates" / "igmp.cfg.j2").write_text("interface Vlanif100\n igmp enable\n")
    tasks = [item for module in REAL for item in examples(module)]
    tasks += [{**item, "check_mode": True} for module in CHECKED for item in examples(module)]
    wanted = [item for item in tasks if item["name"] not in LEFT_OUT]
    assert len(tasks) - len(wanted) == len(LEFT_OUT)
    run = playbooks_of_a_switch.run(wanted, vault_ntp_key_42=SECRET)
    assert run.code == 0, run.output
    for item in wanted:
        assert f"TASK [{item['name']}]" in run.output
    lines = playbooks_of_a_switch.devices["CE1"].running_configuration()
    assert "ntp multicast-server" in lines and "ntp multicast-client" in lines


def test_the_plays_of_the_fleet_run(playbooks_of_a_switch: Playbooks) -> None:
    folder = playbooks_of_a_switch.directory
    playbook, groups = folder / "fleet.yml", folder / "groups.yml"
    playbook.write_text(yaml.safe_dump(examples("vrp_ntp_multicast_fleet")), encoding="utf-8")
    groups.write_text("vrp: {hosts: {CE1: {}}}\n", encoding="utf-8")
    wanted = [{"name": "100GE1/0/1", "clients": [{"address": "224.0.1.1"}]}]
    inventory = playbooks_of_a_switch.inventory(ntp_multicast_interfaces=wanted)
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", inventory, "-i", groups, playbook],
        env=playbooks_of_a_switch.environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "ntp multicast-client" in playbooks_of_a_switch.devices["CE1"].running_configuration()
