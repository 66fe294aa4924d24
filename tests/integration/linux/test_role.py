# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on hosts with a real systemd: deployed, converged, changed, disciplined three ways, removed.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Ansible, Host, Lab, Run

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
SUITES = {"server": "bookworm", "client": "bullseye"}
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


@pytest.fixture(scope="module")
def hosts(lab: Lab, suite: Callable[[str], str]) -> dict[str, Host]:
    return {name: lab.host(name, suite(release), 11 + n) for n, (name, release) in enumerate(SUITES.items())}


@pytest.fixture(scope="module")
def inventory(hosts: dict[str, Host], reached_by: dict[str, Any]) -> dict[str, Any]:
    server = description(
        server={"enabled": True, "listen": ["eth0"], "reference_stratum": 2},
        allow_clients=["10.99.7.0/24", "fd00:99:7::/64"],
        metrics=True,
        poll=3,
        interfaces=[
            {
                "name": "eth0",
                "servers": [
                    {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4},
                    {"afi": "ipv6", "key_id": 42, "ttl": 8},
                ],
            }
        ],
    )
    client = description(interfaces=CLIENT_OF_BOTH)
    return {
        "all": {
            "hosts": {
                "server": {"ansible_host": hosts["server"].v4, **server},
                "client": {"ansible_host": hosts["client"].v4, **client},
            },
            "vars": {**reached_by, **description(authentication=keys(SECRETS["first"]))},
        }
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
    listed = host.output("find", "/etc", "/usr", "/var", "/opt", "/root", "/srv", "/run/systemd/system", "-xdev")
    fleeting = ("/var/log/", "/root/.ansible", "/var/lib/private", "/var/lib/systemd/", "/var/tmp/", "/var/lib/chrony/")
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


def service_property(host: Host, name: str) -> str:
    return host.output("systemctl", "show", "-P", name, UNIT)


def exposure(host: Host) -> float:
    """What systemd thinks of the sandbox; 0 is best."""
    judged = host.output("systemd-analyze", "security", "--no-pager", UNIT).splitlines()[-1]
    return float(judged.split(":")[1].split()[0])


@pytest.fixture(scope="module")
def untouched(hosts: dict[str, Host]) -> dict[str, list[str]]:
    return {name: files_of(host) for name, host in hosts.items()}


WRONG = {
    "key id 0": (
        {"authentication": {"keys": [{"id": 0, "algorithm": "md5", "secret": "x"}]}},
        "authentication.keys[0].id",
    ),
    "short key": (
        {"authentication": {"keys": [{"id": 1, "algorithm": "aes-256-cmac", "secret": SECRETS["first"]}]}},
        "authentication.keys[0].secret",
    ),
    "ttl": ({"interfaces": [{"name": "eth0", "servers": [{"ttl": 256}]}]}, "interfaces[0].servers[0].ttl"),
    "port": ({"interfaces": [{"name": "eth0", "servers": [{"port": 124}]}]}, "interfaces[0].servers[0].port"),
    "unicast": (
        {"interfaces": [{"name": "eth0", "clients": [{"address": "10.0.0.1"}]}]},
        "interfaces[0].clients[0].address",
    ),
    "unknown key": ({"interfaces": [{"name": "eth0", "servers": [{"key_id": 9}]}]}, "interfaces[0].servers[0].key_id"),
    "no secret": ({"authentication": {"keys": [{"id": 5, "algorithm": "md5"}]}}, "keys: key 5 is refused"),
    "poll": ({"poll": 2}, "poll: 2 is refused"),
    "client port": ({"client_port": 1024}, "client_port: 1024 is refused"),
    "reference": ({"reference_id": "TOOLONG"}, "reference_id: TOOLONG is refused"),
    "upstream": ({"upstream": "local"}, "upstream: local is refused"),
    "allowed": ({"allow_servers": ["nobody"]}, "allow_servers: nobody is refused"),
    "fallback": ({"fallback_delay": 2}, "fallback_delay: 2 is refused"),
    "interface": ({"interfaces": [{"name": "eth9", "clients": [{}]}]}, "it has no interface eth9, only eth0, lo"),
    "chrony": (
        {"discipline": "chrony", "python": "/usr/bin/python9"},
        "/usr/bin/python9 (ntp_multicast_engine_python) does not run",
    ),
}


def test_what_is_wrong_is_refused_before_anything_is_touched(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    host = inventory["all"]["hosts"]["client"]["ansible_host"]
    connection = {name: value for name, value in inventory["all"]["vars"].items() if name.startswith("ansible_")}
    # One host under as many names as there are mistakes.
    wrong = {
        "all": {
            "hosts": {
                f"wrong{number}": {"ansible_host": host, **description(**sections)}
                for number, (sections, _said) in enumerate(WRONG.values())
            },
            "vars": connection,
        }
    }
    run = ansible.play(SITE, wrong, "--diff", "-f", "4")
    assert run.code == 2, run.output
    assert set(run.changed.values()) == {0}
    said = " ".join(run.output.split())
    for number, (mistake, (_sections, sentence)) in enumerate(WRONG.items()):
        assert f"fatal: [wrong{number}]" in said, mistake
        assert sentence in said, f"{mistake}: {run.task('Check every option against its rule')}"
    assert_no_secret(run)
    assert files_of(hosts["client"]) == untouched["client"]


def test_check_mode_predicts_on_a_fresh_host_and_touches_nothing(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    run = ansible.play(SITE, inventory, "--check", "--diff")
    assert run.code == 0, run.output
    for task in ("Install the engine", "Write the keys", "Write the configuration", "Describe the service"):
        assert run.task(task).count("changed: [") == 2, task
    assert '+      "ttl": 16' in run.task("Write the configuration")
    assert_no_secret(run)
    assert {name: files_of(host) for name, host in hosts.items()} == untouched


def test_the_first_run_deploys(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    # At the highest verbosity that people use; and without pipelining, as is Ansible's own default.
    run = ansible.play(SITE, inventory, "--diff", "-vvv", ANSIBLE_PIPELINING="false")
    assert run.code == 0, run.output
    assert '+      "ttl": 16' in run.task("Write the configuration")
    assert_no_secret(run)
    # Without pipelining a module and its arguments pass through temporary files: the keys must not.
    assert " PUT " in run.task("Write the configuration")
    assert " PUT " not in run.task("Write the keys")
    for host in hosts.values():
        assert service_property(host, "ActiveState") == "active"
        assert service_property(host, "UnitFileState") == "enabled"
        assert host.output("stat", "-c", "%a %U", "/etc/ntp-multicast-engine/keys") == "600 root"


def test_the_second_run_changes_nothing(ansible: Ansible, inventory: dict[str, Any]) -> None:
    run = ansible.play(SITE, inventory, "--diff")
    assert run.code == 0, run.output
    assert run.changed == {"server": 0, "client": 0}


def test_the_client_measures_the_server(ansible: Ansible, inventory: dict[str, Any], hosts: dict[str, Host]) -> None:
    run = ansible.play(STATUS, inventory)
    assert run.code == 0, run.output
    server, client = (json.loads((ansible.folder / f"{name}.json").read_text()) for name in ("server", "client"))
    assert (server["role"], server["stratum"], server["reference_id"]) == ("server", 2, "LOCL")
    assert {(entry["group"], entry["key_id"], entry["ttl"]) for entry in server["servers"]} == {
        ("224.0.1.1", 42, 16),
        ("ff0e::101", 42, 8),
    }
    assert (client["role"], client["stratum"], client["synchronised"]) == ("client", 3, True)
    assert {entry["source"] for entry in client["associations"]} <= {hosts["server"].v4, hosts["server"].v6}
    for association in client["associations"]:
        assert (association["authenticated"], association["key_id"]) == (True, 42)
    # One machine, one clock: the true offset is nought. The bound is a plausibility, not an accuracy.
    assert abs(client["offset"]) < 0.1


def test_a_collector_of_metrics_can_read_them(hosts: dict[str, Host]) -> None:
    path = "/run/ntp-multicast-engine/metrics.prom"
    end = time.monotonic() + 60
    while hosts["server"].run("test", "-e", path, check=False).returncode != 0 and time.monotonic() < end:
        time.sleep(1)
    read_by_another = ("setpriv", "--reuid", "nobody", "--clear-groups", "cat", path)
    assert "ntp_multicast_engine_synchronised 1" in hosts["server"].output(*read_by_another)


def test_the_service_is_in_its_sandbox(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        assert exposure(host) <= 1.5
        pid = service_property(host, "MainPID")
        status = dict(
            line.split(":\t") for line in host.output("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
        )
        assert status["Uid"].split()[0] != "0"
        assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 1 << 10  # CAP_NET_BIND_SERVICE
        assert status["NoNewPrivs"].strip() == "1"
        assert service_property(host, "WatchdogUSec") == "30s"


def test_a_changed_option_is_reloaded_and_a_changed_key_restarts(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]
) -> None:
    pid = service_property(hosts["server"], "MainPID")
    run = ansible.play(SITE, inventory, "--diff", "-l", "server", "-e", "ntp_multicast_engine_poll=4")
    assert (run.code, run.changed) == (0, {"server": 2}), run.output
    assert run.task("Write the configuration").count('"poll"') == 4  # two servers, before and after
    assert '-      "poll": 3' in run.output and '+      "poll": 4' in run.output
    assert "changed: [server]" in run.task("Reload the NTP multicast engine")
    assert service_property(hosts["server"], "MainPID") == pid
    run = ansible.play(SITE, with_secret(inventory, SECRETS["second"]), "--diff")
    assert (run.code, run.changed) == (0, {"server": 3, "client": 2}), run.output
    assert "changed: [server]" in run.task("Write the keys")
    assert service_property(hosts["server"], "MainPID") != pid
    assert_no_secret(run)
    wait_until_synchronised(hosts["client"])


def test_what_was_changed_by_hand_is_seen(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    hosts["client"].run("sed", "-i", "s/base64:./base64:A/", "/etc/ntp-multicast-engine/keys")
    hosts["client"].run("chmod", "0666", "/etc/ntp-multicast-engine/engine.json")
    run = ansible.play(SITE, with_secret(inventory, SECRETS["second"]), "--check", "--diff", "-l", "client")
    assert run.code == 0, run.output
    assert "changed: [client]" in run.task("Write the keys")
    assert "-mode: 0666" in run.task("Write the configuration")
    assert "ok: [client]" in run.task("Describe the service")


def test_a_reload_that_would_be_refused_fails_and_harms_nothing(hosts: dict[str, Host]) -> None:
    host, path = hosts["server"], "/etc/ntp-multicast-engine/engine.json"
    before = service_property(host, "MainPID")
    host.run("sh", "-c", f'cp -p {path} /root/engine.json; sed -i \'s/"poll": 3/"poll": 99/\' {path}')
    assert host.run("systemctl", "reload", UNIT, check=False).returncode != 0
    assert "servers[0].poll: 99: must be" in host.output("journalctl", "-u", UNIT, "-n", "20", "--no-pager")
    host.run("mv", "/root/engine.json", path)
    host.run("systemctl", "reload", UNIT)
    assert service_property(host, "MainPID") == before
    wait_until_synchronised(host)


def test_a_service_that_is_killed_comes_back(hosts: dict[str, Host]) -> None:
    hosts["server"].run("systemctl", "kill", "-s", "KILL", UNIT)
    wait_until_synchronised(hosts["server"])
    assert service_property(hosts["server"], "NRestarts") == "1"


def test_a_service_that_hangs_is_started_again(hosts: dict[str, Host]) -> None:
    """A stopped process neither answers nor ends; only the watchdog can notice."""
    hosts["server"].run("systemctl", "kill", "-s", "STOP", UNIT)
    wait_for(lambda: service_property(hosts["server"], "NRestarts") == "2", hosts["server"])
    wait_until_synchronised(hosts["server"])


def test_the_journal_has_the_fields_of_an_event(hosts: dict[str, Host]) -> None:
    for host in hosts.values():
        lines = host.output("journalctl", "-u", UNIT, "-o", "json", "NTP_EVENT=synchronised").splitlines()
        event = json.loads(lines[-1])
        assert event["MESSAGE"].startswith("synchronised to ") and event["NTP_SOURCE"] in event["MESSAGE"]
        assert int(event["NTP_STRATUM"]) in (2, 3) and event["PRIORITY"] == "6"


def test_the_deployment_survives_a_restart_of_the_host(lab: Lab, hosts: dict[str, Host]) -> None:
    lab("restart", "server")
    wait_until_synchronised(hosts["server"])


def start_chronyd(host: Host) -> None:
    """chronyd as an owner of the clock, but one that keeps its hands off it (-x)."""
    # Stopped before it is enabled: the alias that comes with that makes an older systemd forget that it runs.
    script = "systemctl stop chrony.service; systemctl enable chrony.service; systemctl start chrony.service"
    script = f"echo 'DAEMON_OPTS=\"-F 0 -x\"' > /etc/default/chrony; {script}"
    if host.run("sh", "-c", script, check=False).returncode != 0:
        pytest.fail(host.output("journalctl", "-u", "chrony.service", "-n", "40", "--no-pager"))


def test_the_clock_has_one_owner(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    start_chronyd(hosts["client"])
    wanted = with_secret(inventory, SECRETS["second"])
    arguments = ("-l", "client", "-e", "ntp_multicast_engine_discipline=kernel")
    run = ansible.play(SITE, wanted, *arguments)
    assert (run.code, run.changed) == (2, {"client": 0}), run.output
    assert "chrony.service owns its clock" in " ".join(run.output.split())
    # And without keys: with authentication off, what can't be verified is as good as what was not signed.
    wanted["all"]["vars"].update(description(authentication={}, other_daemons="stop"))
    run = ansible.play(SITE, wanted, *arguments)
    assert run.code == 0, run.output
    assert hosts["client"].output("ls", "/etc/ntp-multicast-engine") == "engine.json"
    assert hosts["client"].run("systemctl", "is-active", "chrony.service", check=False).stdout.strip() == "inactive"
    assert hosts["client"].run("systemctl", "is-enabled", "chrony.service", check=False).stdout.strip() == "disabled"
    pid = service_property(hosts["client"], "MainPID")
    effective = hosts["client"].output("sh", "-c", f"grep CapEff /proc/{pid}/status").split()[1]
    assert int(effective, 16) == 1 << 10 | 1 << 25  # CAP_NET_BIND_SERVICE, CAP_SYS_TIME
    assert exposure(hosts["client"]) <= 2.0
    # The kernel refuses in a user namespace, and the engine goes on measuring.
    wait_until_synchronised(hosts["client"])
    told = hosts["client"].output("journalctl", "--output=cat", "--unit=ntp-multicast-engine.service")
    assert told.count("the clock can't be steered") == 1, "it is told once, and not with each try"
    hosts["client"].run("systemctl", "start", "chrony.service")
    assert service_property(hosts["client"], "ActiveState") == "inactive"


def test_chronyd_gets_the_measurements(ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]) -> None:
    start_chronyd(hosts["client"])
    wanted = with_secret(inventory, SECRETS["second"])
    arguments = ("-l", "client", "-e", "ntp_multicast_engine_discipline=chrony", "-e", "ntp_multicast_engine_poll=3")
    run = ansible.play(SITE, wanted, *arguments, "--diff")
    assert run.code == 0, run.output
    assert "refclock SOCK" in run.task("Tell chronyd where measurements come from")
    again = ansible.play(SITE, wanted, *arguments)
    assert (again.code, again.changed) == (0, {"client": 0}), again.output
    end = time.monotonic() + 120
    reach = "0"
    while reach == "0" and time.monotonic() < end:
        time.sleep(1)
        sources = [line.split(",") for line in hosts["client"].output("chronyc", "-c", "-n", "sources").splitlines()]
        reach = next(source[5] for source in sources if source[2] == "MCST")
    assert reach != "0", hosts["client"].output("ntp-multicast-engine", "status")


def test_a_server_passes_on_what_chronyd_says(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]
) -> None:
    """Over the loopback address, since the service has a user of its own."""
    server = hosts["server"]
    server.run("sh", "-c", "echo 'local stratum 6' > /etc/chrony/conf.d/chrony-local.conf")
    start_chronyd(server)
    wanted = with_secret(inventory, SECRETS["second"])
    del wanted["all"]["hosts"]["server"]["ntp_multicast_engine_server"]["reference_stratum"]
    for upstream, limit in (("auto", 1.8), ("chrony", 1.5)):
        run = ansible.play(SITE, wanted, "-l", "server", "-e", f"ntp_multicast_engine_upstream={upstream}")
        assert run.code == 0, run.output
        wait_until_synchronised(server)
        system = system_of(server)
        assert (system["upstream"], system["stratum"], system["reference_id"]) == ("chrony", 6, "127.127.1.1")
        assert exposure(server) <= limit
    server.run("chronyc", "local", "off")
    wait_for(lambda: system_of(server).get("synchronised") is False, server)
    server.run("chronyc", "local", "stratum", "6")
    wait_until_synchronised(server)


def test_a_server_behind_a_chronyd_that_it_feeds_names_the_origin(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any]
) -> None:
    """Over chronyd's own socket, since the service has chronyd's user."""
    wanted = with_secret(inventory, SECRETS["second"])
    streams = [{"address": "224.0.1.9", "key_id": 42}]
    wanted["all"]["hosts"]["client"]["ntp_multicast_engine_interfaces"] = [{**CLIENT_OF_BOTH[0], "servers": streams}]
    more = ("ntp_multicast_engine_discipline=chrony", "ntp_multicast_engine_poll=3")
    run = ansible.play(SITE, wanted, "-l", "client", "-e", more[0], "-e", more[1])
    assert run.code == 0, run.output
    client = hosts["client"]
    wait_for(lambda: client.output("chronyc", "-c", "-n", "tracking").split(",")[1] == "MCST", client)
    wait_for(lambda: system_of(client).get("upstream") == "chrony", client)
    document = json.loads(client.output("ntp-multicast-engine", "status", "--json"))
    (followed,) = (item for item in document["associations"] if item["selected"])
    assert document["system"]["stratum"] == followed["stratum"] + 1


def test_removal_leaves_nothing(
    ansible: Ansible, hosts: dict[str, Host], inventory: dict[str, Any], untouched: dict[str, list[str]]
) -> None:
    absent = ("-e", "ntp_multicast_engine_state=absent")
    predicted = ansible.play(SITE, inventory, *absent, "--check")
    assert predicted.code == 0, predicted.output
    assert min(predicted.changed.values()) > 0
    run = ansible.play(SITE, inventory, *absent, "--diff")
    assert run.code == 0, run.output
    assert_no_secret(run)
    for name, host in hosts.items():
        assert service_property(host, "LoadState") == "not-found"
        left = set(files_of(host)) - set(untouched[name])
        # What the test itself did: chronyd was configured and enabled by hand.
        assert {path for path in left if "chrony" not in path or "ntp-multicast" in path} == set(), name
        assert not host.output(
            "sh", "-c", "find / -xdev -name '*ntp*multicast*' -not -path '/proc/*' -not -path '/var/log/*'"
        )
    again = ansible.play(SITE, inventory, *absent, "-l", "server")
    assert (again.code, again.changed) == (0, {"server": 0}), again.output


def test_the_module_says_why_there_is_no_state(ansible: Ansible, inventory: dict[str, Any]) -> None:
    run = ansible.play(STATUS.replace("true", "false", 1), inventory, "-l", "server")
    assert run.code == 2
    assert (
        "ntp-multicast-engine status --config /etc/ntp-multicast-engine/engine.json --json' gave no state" in run.output
    )
