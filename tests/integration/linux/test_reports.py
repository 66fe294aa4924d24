# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seven drifts of different kinds on devices and hosts: each report tells exactly those, and nothing was configured.

TIMECAST_REPORT_DEVICES and TIMECAST_REPORT_HOSTS make it larger: 20 and 4 take some minutes.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
import yaml

from vrp_simulator.testing import RunningDevices, running_devices

from .conftest import CACHE, LAB, ROOT, Host, Lab, Run
from .role import service_property

DEVICES = max(5, int(os.environ.get("TIMECAST_REPORT_DEVICES", "6")))
HOSTS = max(2, int(os.environ.get("TIMECAST_REPORT_HOSTS", "2")))
USER, PASSWORD = "operator", "Simulator-Login-1"
SECRET, BY_HAND = "Rp7-first-secret", "Rp7-by-hand-secret"
CIPHERTEXT = re.compile(r"%[\^+#@]%[#@].{20,}%[\^+#@]%[#@]")
INTERFACE = "100GE1/0/1"
LINE = "ntp multicast-server 224.0.1.1 authentication-keyid 42"
KEY_FILE = "/etc/ntp-multicast-engine/keys"

# Who differs in what; all others are in sync.
EXPECTED = {
    "ce1": ("drifted", {"line_missing"}),
    "ce2": ("drifted", {"line_extra"}),
    "ce3": ("drifted", {"line_different"}),
    "ce4": ("drifted", {"key_changed"}),
    "ce5": ("unreachable", {"unreachable"}),
    "web1": ("drifted", {"key_file_changed"}),
    "web2": ("drifted", {"service_not_running"}),
}
STATES = {name: state for name, (state, _kinds) in EXPECTED.items()}


@dataclass
class Site:
    """Devices and hosts, and ansible-playbook on all of them. The hosts are behind a bridge of their own."""

    devices: RunningDevices
    hosts: dict[str, Host]
    folder: pathlib.Path

    def write_inventory(self, **ports: int) -> None:
        key = {"id": 42, "algorithm": "hmac-sha256", "secret": SECRET, "trusted": True}
        server = {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4}
        proxy = f"LAB_NET={next(iter(self.hosts.values())).lab.network} {LAB} net exec nc %h %p"
        devices = {
            name: {"ansible_port": ports.get(name, device.port)}
            for name, device in ((sysname.lower(), device) for sysname, device in self.devices.items())
        }
        inventory = {
            "all": {
                "vars": {
                    "ntp_multicast_authentication": {"enabled": True, "keys": [key]},
                    "ntp_multicast_state": "overridden",
                },
                "children": {
                    "devices": {
                        "hosts": devices,
                        "vars": {
                            "ansible_host": "127.0.0.1",
                            "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
                            "ansible_network_os": "timecast.ntp_multicast.vrp",
                            "ansible_timeout": 30,
                            "ansible_user": USER,
                            "ansible_password": PASSWORD,
                            "ntp_multicast_server": {"enabled": True},
                            "ntp_multicast_interfaces": [{"name": INTERFACE, "servers": [server]}],
                        },
                    },
                    "linux": {
                        "hosts": {name: {"ansible_host": host.v4} for name, host in self.hosts.items()},
                        "vars": {
                            "ansible_user": "root",
                            "ansible_python_interpreter": "/usr/bin/python3",
                            "ansible_ssh_private_key_file": str(CACHE / "id"),
                            "ansible_ssh_common_args": f"-o ProxyCommand='env {proxy}' -o UserKnownHostsFile=/dev/null "
                            "-o StrictHostKeyChecking=no -o LogLevel=ERROR",
                            "ntp_multicast_interfaces": [{"name": "eth0", "clients": [{"address": "224.0.1.1"}]}],
                        },
                    },
                },
            }
        }
        (self.folder / "inventory.yml").write_text(yaml.safe_dump(inventory, sort_keys=False, width=4096))

    def play(self, name: str, *arguments: str) -> Run:
        settings = {
            **os.environ,
            "HOME": str(self.folder),
            "ANSIBLE_HOME": str(self.folder / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_FORKS": "12",
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "LC_ALL": "C.UTF-8",
        }
        program = ROOT / ".venv" / "bin" / "ansible-playbook"
        done = subprocess.run(
            [program, "-i", "inventory.yml", f"timecast.ntp_multicast.{name}", *arguments],
            env=settings,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout)

    def configuration_lines(self) -> int:
        return sum(entry["kind"] == "configuration" for device in self.devices.values() for entry in device.commands())

    def report(self, name: str) -> str:
        return (self.folder / "reports" / name).read_text(encoding="utf-8")


@pytest.fixture(name="site", scope="module")
def site_fixture(lab: Lab, suite: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All configured, then changed by hand; in the end one device is gone."""
    folder = tmp_path_factory.mktemp("reports")
    hosts = {f"web{n}": lab.host(f"web{n}", suite("bookworm"), 10 + n) for n in range(1, HOSTS + 1)}
    interfaces = [{"name": INTERFACE, "layer2": False, "ipv4": "10.0.0.1/24"}]
    users = [{"name": USER, "password": PASSWORD, "level": 3}]
    described = [
        {"name": f"CE{n}", "release": "ce-v300r023", "interfaces": interfaces, "users": users}
        for n in range(1, DEVICES + 1)
    ]
    with running_devices(described, log_directory=folder) as devices:
        (folder / ".ssh").mkdir()
        (folder / ".ssh" / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        made = Site(devices, hosts, folder)
        made.write_inventory()
        run = made.play("site")
        assert run.code == 0, run.output
        change_by_hand(made)
        made.write_inventory(ce5=1)
        yield made


def encoded(secret: str) -> str:
    """A secret as the engine's key file has it."""
    return base64.b64encode(secret.encode()).decode()


def times_of(host: Host) -> str:
    """When each file of the engine and of the system's configuration was last touched."""
    places = ("/etc", "/usr/local", "/var/lib/ntp-multicast-engine-generations")
    return host.output("find", *places, "-xdev", "-printf", "%p %C@\\n")


def change_by_hand(site: Site) -> None:
    view = f"interface {INTERFACE}"
    site.devices["CE1"].change_as("anna", [view, "undo ntp multicast-server 224.0.1.1"])
    site.devices["CE2"].change_as("anna", [view, "ntp multicast-client 224.0.1.9"])
    site.devices["CE3"].change_as("anna", [view, f"{LINE} ttl 8 version 4"])
    site.devices["CE4"].change_as("anna", [f"ntp authentication-keyid 42 authentication-mode hmac-sha256 {BY_HAND}"])
    site.hosts["web1"].run("sed", "-i", f"s/{encoded(SECRET)}/{encoded(BY_HAND)}/", KEY_FILE)
    assert encoded(BY_HAND) in site.hosts["web1"].output("cat", KEY_FILE)
    site.hosts["web2"].run("systemctl", "stop", "ntp-multicast-engine.service")


@pytest.fixture(name="checked", scope="module")
def checked_fixture(site: Site) -> Run:
    lines = site.configuration_lines()
    files = {name: times_of(host) for name, host in site.hosts.items()}
    run = site.play("check_drift", "-e", "ntp_multicast_report_directory=reports", "--diff", "-v")
    assert run.code != 0
    assert site.configuration_lines() == lines
    assert {name: times_of(host) for name, host in site.hosts.items()} == files
    assert service_property(site.hosts["web2"], "ActiveState") == "inactive"
    return run


def test_the_document_tells_exactly_the_seven(site: Site, checked: Run) -> None:
    document = json.loads(site.report("drift.json"))
    found = {
        host["name"]: (host["state"], {finding["kind"] for finding in host["findings"]})
        for host in document["hosts"]
        if host["state"] != "in_sync"
    }
    assert found == EXPECTED, checked.output
    assert (document["exit_code"], len(document["hosts"])) == (3, DEVICES + HOSTS)
    by_name = {host["name"]: host for host in document["hosts"]}
    assert [entry["user"] for entry in by_name["ce1"]["commits"]["entries"]] == ["anna"]
    assert by_name["ce1"]["commits"]["since"].startswith("site-")
    assert by_name["ce4"]["keys_changed"] == [42]
    assert by_name["web1"]["commits"] is None
    lines = (site.folder / "inventory.yml").read_text(encoding="utf-8").splitlines()
    place = by_name["ce1"]["location"]
    assert place["file"] == "inventory.yml"
    assert INTERFACE in "".join(lines[place["line"] - 1 : place["line"] + 1])
    assert {sender["host"] for sender in document["domain"]["senders"]} == {f"ce{n}" for n in range(1, DEVICES + 1)}


def test_junit_fails_exactly_the_seven(site: Site, checked: Run) -> None:
    cases = ElementTree.fromstring(site.report("drift.junit.xml")).findall("./testsuite/testcase")
    assert len(cases) == DEVICES + HOSTS
    found = {
        case.get("name"): outcome.get("type")
        for case in cases
        for outcome in [*case.findall("failure"), *case.findall("error")]
    }
    assert found == STATES


def test_sarif_has_exactly_the_seven(site: Site, checked: Run) -> None:
    (run,) = json.loads(site.report("drift.sarif"))["runs"]
    found = {(result["locations"][0]["logicalLocations"][0]["name"], result["ruleId"]) for result in run["results"]}
    assert found == {(name, kind) for name, (_state, kinds) in EXPECTED.items() for kind in kinds}
    assert run["invocations"][0]["exitCode"] == 3


def test_markdown_and_metrics_have_exactly_the_seven(site: Site, checked: Run) -> None:
    rows = re.findall(r"^\| (\w+) \| (drifted|unreachable|failed) \|", site.report("drift.md"), re.MULTILINE)
    assert dict(rows) == STATES
    states = re.findall(
        r'host_state\{kind="drift",host="(\w+)",platform="\w+",state="(\w+)"', site.report("drift.prom")
    )
    assert {name: state for name, state in states if state != "in_sync"} == STATES
    assert len(states) == DEVICES + HOSTS


def test_a_controller_gets_the_same(checked: Run) -> None:
    stats = checked.output.rpartition("CUSTOM STATS")[2]
    artifact = json.loads(stats[stats.index("{") : stats.rindex("}") + 1])["ntp_multicast_drift"]
    assert {host["name"]: host["state"] for host in artifact["hosts"]} == STATES
    assert artifact["exit_code"] == 3


def test_no_report_has_a_secret_or_a_ciphertext(site: Site, checked: Run) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (site.folder / "reports").iterdir()]
    assert len(texts) >= 5
    for text in (*texts, checked.output):
        assert not any(form in text for secret in (SECRET, BY_HAND) for form in (secret, encoded(secret)))
        assert not CIPHERTEXT.search(text)


def test_verify_tells_of_devices_and_hosts_in_one_document(site: Site, checked: Run) -> None:
    run = site.play("verify", "-e", "ntp_multicast_report_directory=reports", "-e", "ntp_multicast_wait=false")
    assert run.code != 0
    document = json.loads(site.report("verify.json"))
    hosts = {host["name"]: host for host in document["hosts"]}
    assert len(hosts) == DEVICES + HOSTS
    # Simulated devices send no packets, so that nobody has anyone to follow.
    assert {name: host["state"] for name, host in hosts.items() if name in ("ce1", "ce5", "web1", "web2")} == {
        "ce1": "unsynchronised",
        "ce5": "unreachable",
        "web1": "unsynchronised",
        "web2": "failed",
    }, run.output
    assert (document["exit_code"], hosts["web1"]["platform"], hosts["web1"]["ntp"]["role"]) == (4, "linux", "client")
    assert {listener["host"] for listener in document["domain"]["listeners"]} == set(site.hosts)
