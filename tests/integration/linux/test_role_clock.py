# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and the owners of a host's clock: the engine steers, or feeds chronyd, or follows it; and all is removed.

The tests of this file build on each other, in their order: a host is not cheap.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from .conftest import Ansible, Host
from .role import (
    CLIENT_OF_BOTH,
    HELPER,
    SECRETS,
    SITE,
    STATUS,
    UNIT,
    assert_no_secret,
    capabilities,
    description,
    exposure,
    files_of,
    service_property,
    system_of,
    wait_for,
    wait_until_synchronised,
    with_secret,
)

pytestmark = pytest.mark.usefixtures("deployed")


CAP_NET_BIND_SERVICE, CAP_SYS_TIME = 1 << 10, 1 << 25
USED, BEFORE = "/run/ntp-multicast-engine-clock/initial-step-used", "/run/ntp-multicast-engine.initial-step-used"
ASK = """
import socket, sys
helper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
try:
    helper.connect("/run/ntp-multicast-engine-clock/clock.sock")
    helper.send(b"anything")
    print("refused" if not helper.recv(300) else "answered")
except (BrokenPipeError, ConnectionResetError, PermissionError):
    print("refused")
"""


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
    arguments += ("-e", "ntp_multicast_engine_require_discipline=false")
    run = ansible.play(SITE, wanted, *arguments)
    assert (run.code, run.changed) == (2, {"client": 0}), run.output
    assert "chronyd (chrony.service) steers its clock" in " ".join(run.output.split())
    # And without keys: with authentication off, what can't be verified is as good as what was not signed.
    wanted["all"]["vars"].update(description(authentication={}, other_daemons="stop"))
    run = ansible.play(SITE, wanted, *arguments)
    assert run.code == 0, run.output
    assert hosts["client"].output("ls", "/etc/ntp-multicast-engine").split() == [
        "engine.json",
        "stopped-time-services.json",
    ]
    assert hosts["client"].run("systemctl", "is-active", "chrony.service", check=False).stdout.strip() == "inactive"
    assert hosts["client"].run("systemctl", "is-enabled", "chrony.service", check=False).stdout.strip() == "disabled"
    assert capabilities(hosts["client"]) == CAP_NET_BIND_SERVICE
    assert capabilities(hosts["client"], HELPER) == CAP_SYS_TIME
    assert exposure(hosts["client"]) <= 1.5
    assert exposure(hosts["client"], HELPER) <= 1.5
    # The kernel refuses in a user namespace, and the engine goes on measuring.
    wait_until_synchronised(hosts["client"])
    told = hosts["client"].output("journalctl", "--output=cat", "--unit=ntp-multicast-engine.service")
    complaints = [line for line in told.splitlines() if line.startswith("the discipline kernel does not work: ")]
    assert len(complaints) == 1 and "the clock can't be steered" in complaints[0], "told once, and not with each try"
    again = ansible.play(SITE, wanted, *arguments)
    assert (again.code, again.changed) == (0, {"client": 0}), again.output


def test_only_the_engine_may_ask_for_the_clock(hosts: dict[str, Host]) -> None:
    client = hosts["client"]
    assert client.output("python3", "-c", ASK) == "refused", "not even root, who needs nobody for it"
    assert (
        client.output("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "python3", "-c", ASK)
        == "refused"
    )
    user = client.output("stat", "-c", "%u", "/run/ntp-multicast-engine")
    assert (
        client.output("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "python3", "-c", ASK) == "answered"
    )


def test_a_crash_of_either_is_no_start_and_a_restart_is_one(hosts: dict[str, Host]) -> None:
    client = hosts["client"]
    helper, engine = service_property(client, "MainPID", HELPER), service_property(client, "MainPID")
    # As it would be, if the kernel of a container let anybody steer its clock.
    client.run("touch", USED)
    client.run("systemctl", "kill", "-s", "KILL", UNIT)
    wait_for(lambda: service_property(client, "MainPID") not in ("0", engine), client)
    wait_until_synchronised(client)
    client.run("test", "-e", BEFORE)
    helper = service_property(client, "MainPID", HELPER)
    # And the other way: an engine whose helper was killed finds the next one, which remembers.
    client.run("systemctl", "kill", "-s", "KILL", HELPER)
    wait_for(lambda: service_property(client, "MainPID", HELPER) not in ("0", helper), client)
    wait_until_synchronised(client)
    helper, engine = service_property(client, "MainPID", HELPER), service_property(client, "MainPID")
    client.run("systemctl", "restart", UNIT)
    wait_until_synchronised(client)
    assert service_property(client, "MainPID", HELPER) != helper
    assert client.run("test", "-e", BEFORE, check=False).returncode == 1, "asked for, so the clock may be stepped"
    client.run("systemctl", "stop", UNIT)
    wait_for(lambda: service_property(client, "ActiveState", HELPER) == "inactive", client)
    client.run("systemctl", "start", UNIT)
    assert service_property(client, "ActiveState", HELPER) == "active"


def test_another_owner_of_the_clock_ends_both(hosts: dict[str, Host]) -> None:
    client = hosts["client"]
    client.run("systemctl", "start", "chrony.service")
    assert service_property(client, "ActiveState") == "inactive"
    wait_for(lambda: service_property(client, "ActiveState", HELPER) == "inactive", client)


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
    for upstream, state in (("auto", "active"), ("chrony", "inactive")):
        run = ansible.play(SITE, wanted, "-l", "server", "-e", f"ntp_multicast_engine_upstream={upstream}")
        assert run.code == 0, run.output
        wait_until_synchronised(server)
        system = system_of(server)
        assert (system["upstream"], system["stratum"], system["reference_id"]) == ("chrony", 6, "127.127.1.1")
        assert exposure(server) <= 1.5
        assert service_property(server, "ActiveState", HELPER) == state
        if state == "active":
            assert (capabilities(server, HELPER), exposure(server, HELPER) <= 1.5) == (0, True), "it can only read"
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
        for unit in (UNIT, HELPER):
            assert service_property(host, "LoadState", unit) == "not-found"
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
