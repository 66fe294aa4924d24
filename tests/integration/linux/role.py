# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the role share: the description of two hosts, plays, and what a host says of itself."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Host, Run

SECRETS = {"first": "Kc7-first-secret", "second": "Kc7-other-secret", "sha": "Kc7 # a long one, with blanks "}
SITE = """
- hosts: all
  gather_facts: false
  roles:
    - role: timecast.ntp_multicast.ntp_multicast_engine
"""
STATUS = """
- hosts: all
  gather_facts: false
  tasks:
    - timecast.ntp_multicast.ntp_multicast_engine_info:
        wait_until_synchronised: true
        timeout: 120
      register: state
    - ansible.builtin.copy:
        content: "{{ state.ntp | to_json }}"
        dest: "{{ inventory_hostname }}.json"
        mode: "0644"
      delegate_to: localhost
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
UNIT = "ntp-multicast-engine.service"
HELPER = "ntp-multicast-engine-clock.service"
SUITES = {"server": "bookworm", "client": "bullseye"}
NEWEST = "trixie"
CLIENT_OF_BOTH = [{"name": "eth0", "clients": [{"address": "224.0.1.1"}, {"afi": "ipv6"}]}]


def description(**sections: Any) -> dict[str, Any]:
    return {f"ntp_multicast_engine_{name}": value for name, value in sections.items()}


def keys(secret: str) -> dict[str, Any]:
    return {
        "enabled": True,
        "keys": [
            {"id": 42, "algorithm": "aes-128-cmac", "secret": secret, "trusted": True},
            {"id": 7, "algorithm": "hmac-sha256", "secret": SECRETS["sha"]},
        ],
    }


def with_secret(inventory: dict[str, Any], secret: str) -> dict[str, Any]:
    changed = copy.deepcopy(inventory)
    changed["all"]["vars"].update(description(authentication=keys(secret)))
    return changed


def assert_no_secret(run: Run) -> None:
    for name, secret in SECRETS.items():
        assert secret not in run.output, f"the secret {name} was printed"


def files_of(host: Host) -> list[str]:
    """Everything on the disk of a host but logs, and what systemd and ssh logins leave wherever they run."""
    home = host.output("sh", "-c", "echo ~")
    listed = host.output("find", "/etc", "/usr", "/var", "/opt", home, "/srv", "/run/systemd/system", "-xdev")
    fleeting = (
        "/var/log/",
        f"{home}/.ansible",
        "/var/lib/private",
        "/var/lib/systemd/",
        "/var/tmp/",
        "/var/lib/chrony/",
    )
    generated = "__pycache__"
    return [line for line in listed.splitlines() if not line.startswith(fleeting) and generated not in line]


def wait_until_synchronised(host: Host) -> None:
    """Until the engine of a host says that it is synchronised; two minutes are longer than that can take."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        asked = host.run("ntp-multicast-engine", "status", "--json", check=False)
        if asked.returncode == 0 and json.loads(asked.stdout)["system"]["synchronised"]:
            return
        time.sleep(0.5)
    pytest.fail(f"{host.name}: {asked.stdout}{asked.stderr}")


def wait_for(condition: Callable[[], bool], host: Host) -> None:
    """Until something is so; two minutes are longer than that can take."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.5)
    pytest.fail(f"{host.name}: {host.run('ntp-multicast-engine', 'status', check=False).stdout}")


def system_of(host: Host) -> dict[str, Any]:
    asked = host.run("ntp-multicast-engine", "status", "--json", check=False)
    found: dict[str, Any] = json.loads(asked.stdout)["system"] if asked.returncode == 0 else {}
    return found


def service_property(host: Host, name: str, unit: str = UNIT) -> str:
    return host.output("systemctl", "show", "-P", name, unit)


def capabilities(host: Host, unit: str = UNIT) -> int:
    """What the kernel lets the main process of a service do."""
    pid = service_property(host, "MainPID", unit)
    return int(host.output("sh", "-c", f"grep CapEff /proc/{pid}/status").split()[1], 16)


def exposure(host: Host, unit: str = UNIT) -> float:
    """What systemd thinks of the sandbox; 0 is best."""
    judged = host.output("systemd-analyze", "security", "--no-pager", unit).splitlines()[-1]
    return float(judged.split(":")[1].split()[0])
