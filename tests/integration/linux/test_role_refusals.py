# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are not as the role would like them: it refuses before it changes anything, or it says what happened, and
no other time service is left dead."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Ansible, Host, Lab, Run
from .role import SECRETS, SITE, UNIT, description, keys, service_property, wait_for

CLIENT = [{"name": "eth0", "clients": [{"address": "224.0.1.1"}]}]
CHECK = ("--check", "--diff")
LXC = "[Service]\nLoadCredential=\nImportCredential=\nProtectProc=default\nNoNewPrivileges=no\nPrivateNetwork=no\n"
"""As the images of LXC and Incus have it for every service (lxc/distrobuilder issue 985)."""
KERNEL = {"discipline": "kernel", "require_discipline": False}
"""A container lets nobody steer its clock: what is tested with this is all the rest."""
NO_CONFDIR = "pool 192.0.2.1 iburst\ndriftfile /var/lib/chrony/chrony.drift\nmakestep 1.0 3\n"
"""chrony.conf as the role timesync of linux-system-roles writes it."""


class Case:
    """One fresh host with a key, and the role on it."""

    def __init__(self, ansible: Ansible, host: Host, reached_by: dict[str, Any]) -> None:
        self.host = host
        self._ansible = ansible
        self.inventory: dict[str, Any] = {
            "all": {
                "hosts": {"cli": {"ansible_host": host.v4}},
                "vars": {**reached_by, **description(authentication=keys(SECRETS["first"]), interfaces=CLIENT)},
            }
        }

    def site(self, *arguments: str, **variables: Any) -> Run:
        wanted = copy.deepcopy(self.inventory)
        wanted["all"]["vars"].update(description(**variables))
        return self._ansible.play(SITE, wanted, *arguments)

    def shell(self, script: str) -> str:
        return self.host.output("sh", "-c", script)

    def active(self, unit: str) -> bool:
        return self.host.run("systemctl", "is-active", unit, check=False).stdout.strip() == "active"

    def enabled(self, unit: str) -> bool:
        return self.host.run("systemctl", "is-enabled", unit, check=False).stdout.strip() == "enabled"

    def write(self, path: str, text: str) -> None:
        self.shell(f"mkdir -p $(dirname {path}); printf %s {shlex.quote(text)} > {path}")

    def start_chronyd(self, configuration: str | None = None) -> None:
        """It keeps its hands off the clock (-x)."""
        if configuration is not None:
            self.write("/etc/chrony/chrony.conf", configuration)
        self.write("/etc/default/chrony", 'DAEMON_OPTS="-F 0 -x"\n')
        self.shell("systemctl stop chrony; systemctl enable chrony; systemctl start chrony")
        assert self.active("chrony")


@pytest.fixture
def fresh(
    ansible: Ansible, lab: Lab, suite: Callable[[str], str], reached_by: dict[str, Any]
) -> Iterator[Callable[[str], Case]]:
    def make(release: str) -> Case:
        return Case(ansible, lab.host("cli", suite(release), 12), reached_by)

    yield make
    lab("down", "cli")


def told(run: Run) -> str:
    """What was printed, in one line; shown whole where a test fails."""
    print(run.output)
    return " ".join(run.output.split())


def test_a_chronyd_that_would_never_hear_of_the_engine(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.start_chronyd(NO_CONFDIR)
    run = case.site(discipline="chrony")
    assert (run.code, run.changed) == (2, {"cli": 0}), run.output
    assert "its chronyd reads /etc/chrony/chrony.conf, which leads to no file" in told(run)
    assert 'Add a line such as \\"confdir /etc/chrony/conf.d\\"' in told(run)
    assert case.active("chrony")
    assert case.site().code == 0
    assert case.active("chrony")
    # A folder that it reads is found, wherever that is, and made where it is missing.
    case.shell("echo 'include /etc/chrony.d/*.conf' >> /etc/chrony/chrony.conf")
    run = case.site(discipline="chrony")
    assert run.code == 0, run.output
    assert "refclock SOCK" in case.shell("cat /etc/chrony.d/ntp-multicast-engine.conf") and case.active("chrony")
    again = case.site(discipline="chrony")
    assert (again.code, again.changed) == (0, {"cli": 0}), again.output
    assert "MCST" in case.shell("chronyc -n sources")
    # What chronyd does not take is taken back, and what it was told before is there again.
    run = case.site(discipline="chrony", chrony_options="poll many")
    assert run.code == 2 and "chronyd does not take measurements of the engine" in told(run)
    assert "and it runs as before" in told(run) and case.active("chrony")
    assert "poll many" not in case.shell("cat /etc/chrony.d/ntp-multicast-engine.conf")
    run = case.site(discipline="monitor")
    assert run.code == 0, run.output
    assert case.active("chrony") and "MCST" not in case.shell("chronyc -n sources")


@pytest.mark.parametrize("release", ["bullseye", "trixie"])
def test_the_discipline_kernel_with_a_key(fresh: Callable[[str], Case], release: str) -> None:
    """systemd 247 has no way to start a service with LoadCredential=, PrivateMounts= and ExecStartPre=."""
    case = fresh(release)
    run = case.site(**KERNEL)
    assert run.code == 0, run.output
    assert case.active(UNIT) and service_property(case.host, "NRestarts") == "0"


def test_a_host_that_takes_credentials_away(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.write("/run/systemd/system/service.d/zzz-lxc-service.conf", LXC)
    case.shell("systemctl daemon-reload")
    run = case.site()
    assert run.code == 0, run.output
    again = case.site()
    assert (again.code, again.changed) == (0, {"cli": 0}), again.output
    assert case.active(UNIT) and service_property(case.host, "NRestarts") == "0"
    case.shell(f"systemctl reload {UNIT}")
    assert case.active(UNIT)


def test_a_service_in_a_crash_loop_is_never_in_order(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.shell("mkdir -p /etc/systemd/system/ntp-multicast-engine.service.d")
    case.write("/etc/systemd/system/ntp-multicast-engine.service.d/own.conf", "[Service]\nStandardInput=null\n")
    run = case.site()
    assert run.code == 2, run.output
    assert "ntp-multicast-engine.service does not answer" in told(run) and "/etc/ntp-multicast-engine/keys: " in told(
        run
    )
    case.shell("rm -r /etc/systemd/system/ntp-multicast-engine.service.d; systemctl daemon-reload")
    assert case.site().code == 0
    case.shell("mkdir -p /etc/systemd/system/ntp-multicast-engine.service.d")
    case.write("/etc/systemd/system/ntp-multicast-engine.service.d/own.conf", "[Service]\nStandardInput=null\n")
    case.shell(f"systemctl daemon-reload; systemctl restart --no-block {UNIT}")
    for arguments in (CHECK, ()):
        again = case.site(*arguments)
        assert again.code == 2 and "does not answer" in told(again), arguments
    again = case.site(*CHECK)
    assert again.code == 2 or again.changed == {"cli": 1}, again.output
    # One that answers for some seconds each time.
    case.write(
        "/etc/systemd/system/ntp-multicast-engine.service.d/own.conf",
        "[Service]\nExecStartPost=-/bin/sh -c '(sleep 3; kill -ABRT $MAINPID) &'\nKillMode=process\n",
    )
    case.shell(f"systemctl daemon-reload; systemctl restart {UNIT}")
    wait_for(lambda: service_property(case.host, "NRestarts") not in ("0", ""), case.host)
    again = case.site(*CHECK)
    assert again.code == 2 and "ends again and again" in told(again), again.output
    case.shell("rm -r /etc/systemd/system/ntp-multicast-engine.service.d; systemctl daemon-reload")
    assert case.site().code == 0
    assert case.site(*CHECK).changed == {"cli": 0}


def test_who_owns_the_clock_is_asked_alike(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.shell("cp /bin/sleep /opt/chronyd; cp /bin/sleep /opt/ptp4l; cp /bin/sleep /opt/phc2sys")
    # In a container of its own, and one that steers a card: both own no clock of this host.
    case.shell("setsid unshare -pfm --mount-proc /opt/chronyd 3000 >/dev/null 2>&1 &")
    case.shell("setsid /opt/ptp4l 3000 >/dev/null 2>&1 &")
    run = case.site(**KERNEL)
    assert run.code == 0, run.output
    assert case.shell("ntp-multicast-engine check-clock").startswith("nobody else")
    again = case.site(**KERNEL)
    assert (again.code, again.changed) == (0, {"cli": 0}), again.output
    case.shell("setsid /opt/phc2sys 3000 >/dev/null 2>&1 &")
    for more in ({}, {"other_daemons": "stop"}):
        run = case.site(**KERNEL, **more)
        assert (run.code, run.changed) == (2, {"cli": 0}) and "phc2sys steers its clock" in told(run)
    asked = case.host.run("ntp-multicast-engine", "check-clock", check=False)
    assert asked.returncode == 1 and "phc2sys steers" in asked.stderr


def test_what_was_stopped_runs_again(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.start_chronyd()
    run = case.site(**KERNEL, other_daemons="stop")
    assert run.code == 0, run.output
    assert not case.active("chrony") and not case.enabled("chrony")
    again = case.site(**KERNEL, other_daemons="stop")
    assert (again.code, again.changed) == (0, {"cli": 0}), again.output
    # Another discipline gives the clock back.
    assert case.site().code == 0
    assert case.active("chrony") and case.enabled("chrony") and case.active(UNIT)
    assert case.site().changed == {"cli": 0}
    # So does an engine that does not come up.
    case.write("/etc/systemd/system/ntp-multicast-engine.service.d/own.conf", "[Service]\nExecStartPre=/bin/false\n")
    run = case.site(**KERNEL, other_daemons="stop")
    assert run.code == 2 and "does not answer" in told(run), run.output
    assert case.active("chrony") and case.enabled("chrony") and not case.active(UNIT)
    case.shell("rm -r /etc/systemd/system/ntp-multicast-engine.service.d; systemctl daemon-reload")
    # And so does the end of the engine.
    assert case.site(**KERNEL, other_daemons="stop").code == 0
    assert not case.active("chrony")
    assert case.site(state="absent").code == 0
    assert case.active("chrony") and case.enabled("chrony")


def test_a_host_that_lets_nobody_steer_its_clock(fresh: Callable[[str], Case]) -> None:
    """Red, each time, and in check mode: the engine runs, and does not do what is described."""
    case = fresh("bookworm")
    for arguments in ((), (), CHECK):
        run = case.site(*arguments, discipline="kernel")
        assert run.code == 2 and "ntp_multicast_engine_discipline is kernel, and the clock can't be steered" in told(
            run
        )
        assert case.active(UNIT) and "is put back" not in told(run)
    assert case.site().code == 0
    run = case.site(discipline="kernel")
    assert run.code == 2 and "What was there before is put back, and its service runs." in told(run)
    assert case.site(*CHECK).changed == {"cli": 0}, "what was there before is back"
    case.start_chronyd()
    run = case.site(discipline="kernel", other_daemons="stop")
    assert run.code == 2 and case.active("chrony") and case.enabled("chrony"), run.output
    assert case.site(*CHECK).changed == {"cli": 0} and case.active(UNIT)


@pytest.mark.parametrize("text", ["no", "0"])
def test_a_text_for_a_boolean(fresh: Callable[[str], Case], text: str) -> None:
    case = fresh("bookworm")
    later = [{"name": "eth0.5", "clients": [{"address": "224.0.1.1"}]}]
    run = case.site(interfaces=later)
    assert run.code == 2 and "it has no interface eth0.5" in told(run)
    run = case.site("-e", f"ntp_multicast_engine_require_interfaces={text}", interfaces=later)
    assert run.code == 0, run.output


def test_a_helper_that_dies_is_no_start(fresh: Callable[[str], Case]) -> None:
    """And the engine finds the next one, whose socket nobody else reaches."""
    case = fresh("bookworm")
    assert case.site(**KERNEL).code == 0
    helper, run = "ntp-multicast-engine-clock.service", "/run/ntp-multicast-engine-clock"
    # As it would be, if the kernel of a container let anybody step its clock.
    case.shell(f"touch {run}/initial-step-used")
    before = service_property(case.host, "MainPID", helper)
    case.shell(f"systemctl kill -s KILL {helper}")
    wait_for(lambda: service_property(case.host, "MainPID", helper) not in ("0", before), case.host)
    assert case.host.run("test", "-e", "/run/ntp-multicast-engine.initial-step-used", check=False).returncode == 0
    assert case.host.run("test", "-e", f"{run}/initial-step-used", check=False).returncode == 1
    group = case.shell("stat -c %g /run/ntp-multicast-engine")
    expected = [f"750 {group}", f"660 {group}"]
    # The next helper has its process identifier before it has its socket.
    looks = ["sh", "-c", f"stat -c '%a %g' {run}/. {run}/clock.sock"]
    wait_for(lambda: case.host.run(*looks, check=False).stdout.splitlines() == expected, case.host)


def test_a_read_only_etc(fresh: Callable[[str], Case]) -> None:
    case = fresh("bookworm")
    case.shell("mount --bind /etc /etc; mount -o remount,bind,ro /etc")
    run = case.site()
    assert (run.code, run.changed) == (2, {"cli": 0}) and "/etc can't be written to" in told(run), run.output


def test_what_is_in_the_way_is_told_at_once_and_nothing_is_made(fresh: Callable[[str], Case]) -> None:
    """Before, the unit went into the folder of its name, and the run was green."""
    case = fresh("bookworm")
    case.write("/etc/chrony/chrony.conf", "nonsense 1\nconfdir /etc/chrony/conf.d\n")
    case.shell(f"systemctl start chrony || true; mkdir /etc/systemd/system/{UNIT}")
    case.shell("mount --bind /usr/local/lib /usr/local/lib; mount -o remount,bind,ro /usr/local/lib")
    run = case.site(discipline="chrony")
    assert (run.code, run.changed) == (2, {"cli": 0}), run.output
    for sentence in (
        "/usr/local/lib can't be written to",
        f"/etc/systemd/system/{UNIT} is a folder there",
        "chrony.service has failed there, before it was told anything",
    ):
        assert sentence in told(run)
    assert case.shell("ls /etc/chrony/conf.d; ls -d /etc/ntp-multicast-engine || true") == "README"
