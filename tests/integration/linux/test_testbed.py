# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test-bed itself: its hosts hear each other, can't touch the machine's clock, and leave nothing behind."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from .conftest import CLOCK_GUARD, LAB, Host, Lab, lab_name, traces

LISTEN = """
import select, socket, struct
interface = socket.if_nametoindex("eth0")
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(("224.0.1.1", 10123))
member = struct.pack("4s4si", socket.inet_aton("224.0.1.1"), bytes(4), interface)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.bind(("ff0e::101", 10123))
member = socket.inet_pton(socket.AF_INET6, "ff0e::101") + struct.pack("@I", interface)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
print("listening", flush=True)
heard = set()
while len(heard) < EXPECTED and select.select([four, six], [], [], 20)[0]:
    for ready in select.select([four, six], [], [], 0)[0]:
        heard.add(ready.recvfrom(100)[1][0])
print(" ".join(sorted(heard)))
"""
SEND = """
import socket, struct
interface = socket.if_nametoindex("eth0")
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("4s4si", bytes(4), bytes(4), interface))
four.sendto(b"", ("224.0.1.1", 10123))
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface)
six.sendto(b"", ("ff0e::101", 10123))
"""
# Writes to the clock what the clock already has: even where it is allowed, nothing moves.
STEER = """
import ctypes, os
library = ctypes.CDLL(None, use_errno=True)
timex = (ctypes.c_long * 64)()
assert library.adjtimex(timex) >= 0
timex[0] = 2  # modes = ADJ_FREQUENCY, with the frequency that was just read
print(os.strerror(ctypes.get_errno()) if library.adjtimex(timex) < 0 else "allowed")
"""


@pytest.fixture(scope="module")
def members(lab: Lab, suite: Callable[[str], str]) -> list[Host]:
    return [lab.host("h1", suite("bookworm"), 11), lab.host("h2", suite("bookworm"), 12), lab.node("ce1", 21)]


def test_hosts_and_nodes_hear_each_other_over_both_families(lab: Lab, members: list[Host]) -> None:
    listeners = []
    for member in members:
        script = LISTEN.replace("EXPECTED", str(2 * len(members)))
        listeners.append(
            subprocess.Popen(
                [LAB, "exec", member.name, "python3", "-c", script],
                env=lab.environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for listener in listeners:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listening\n"
    for member in members:
        member.run("python3", "-c", SEND)
    for listener in listeners:
        heard = set(listener.communicate(timeout=60)[0].split())
        assert heard == {address for sender in members for address in (sender.v4, sender.v6)}, listener.args


def test_a_host_holds_the_right_to_steer_the_clock_and_the_kernel_refuses(members: list[Host]) -> None:
    host = members[0]
    effective = next(line for line in host.output("cat", "/proc/1/status").splitlines() if line.startswith("CapEff:"))
    assert int(effective.split()[1], 16) >> 25 & 1
    assert host.output("readlink", "/proc/1/ns/user") != os.readlink("/proc/self/ns/user")
    assert host.output("python3", "-c", STEER) == "Operation not permitted"


def test_nothing_in_a_host_keeps_the_time(members: list[Host]) -> None:
    units = ("chrony.service", "systemd-timesyncd.service")
    states = [members[0].run("systemctl", "is-active", unit, check=False).stdout.strip() for unit in units]
    assert states == ["inactive", "inactive"]


def test_up_again_leaves_a_running_host_alone(lab: Lab, members: list[Host], suite: Callable[[str], str]) -> None:
    started = members[0].output("systemctl", "show", "-P", "UserspaceTimestampMonotonic")
    lab.host("h1", suite("bookworm"), 11)
    assert members[0].output("systemctl", "show", "-P", "UserspaceTimestampMonotonic") == started


def test_a_restart_keeps_the_disk(lab: Lab, members: list[Host]) -> None:
    members[1].run("touch", "/etc/kept")
    started = members[1].output("systemctl", "show", "-P", "UserspaceTimestampMonotonic")
    lab("restart", "h2")
    assert members[1].output("systemctl", "show", "-P", "UserspaceTimestampMonotonic") != started
    assert members[1].output("ls", "/etc/kept") == "/etc/kept"
    assert members[1].v4 in members[1].output("ip", "address", "show", "eth0")


def test_a_new_host_of_a_used_name_is_new(lab: Lab, members: list[Host], suite: Callable[[str], str]) -> None:
    members[1].run("touch", "/etc/kept")
    lab("down", "h2")
    assert lab.host("h2", suite("bookworm"), 12).run("ls", "/etc/kept", check=False).returncode != 0


@pytest.fixture
def other_lab() -> Iterator[Lab]:
    other = Lab(lab_name("other"))
    other("clean")
    yield other
    other("clean")
    assert traces(other.network) == []


def test_labs_do_not_disturb_each_other(members: list[Host], other_lab: Lab, suite: Callable[[str], str]) -> None:
    same_name = other_lab.host("h1", suite("bookworm"), 11)
    same_name.run("touch", "/etc/other")
    assert members[0].run("ls", "/etc/other", check=False).returncode != 0
    other_lab("clean")
    assert members[0].output("systemctl", "is-system-running") == "running"


@pytest.mark.parametrize("seen", ["about", "disk", "rootfs", "log"])
def test_clean_after_a_killed_run(other_lab: Lab, suite: Callable[[str], str], seen: str) -> None:
    other_lab.node("ce1", 21)
    left_running = [
        subprocess.Popen([LAB, *place, "sleep", "1000"], env=other_lab.environment)
        for place in (("exec", "ce1"), ("net", "exec"))
    ]
    command = [LAB, "up", "h1", suite("bookworm"), *other_lab.addresses(11)]
    starting = subprocess.Popen(command, env=other_lab.environment, start_new_session=True)
    while starting.poll() is None and not pathlib.Path(f"/run/{other_lab.network}/h1/{seen}").exists():
        time.sleep(0.001)
    os.killpg(starting.pid, signal.SIGKILL)
    starting.wait()
    other_lab("clean")
    assert traces(other_lab.network) == []
    assert all(process.wait(timeout=30) != 0 for process in left_running)


def test_a_machine_with_nothing_but_cgroup2(other_lab: Lab, suite: Callable[[str], str]) -> None:
    tree = suite("bookworm")
    # In a mount namespace, the machine's other hierarchies can be put aside.
    script = f"""
      set -e
      umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
      '{LAB}' up h1 {tree} 10.99.7.11/24 fd00:99:7::11/64
      '{LAB}' exec h1 systemctl is-system-running
      '{LAB}' clean
      find /sys/fs/cgroup -name '{other_lab.network}'
    """
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c", script],
        env=other_lab.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "running\n"), done.stderr


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "a.b", "-a", "a-", "thirteen-long"])
def test_names_that_could_not_be_undone_are_refused(lab: Lab, name: str) -> None:
    done = lab("node", name, *lab.addresses(99), check=False)
    assert done.returncode == 1
    assert "a name is" in done.stderr


class TestClockGuard:
    def test_it_passes_on_what_the_command_said(self) -> None:
        assert subprocess.run([CLOCK_GUARD, "run", "sh", "-c", "exit 7"], check=False).returncode == 7

    @pytest.mark.parametrize(
        ("reading", "movement"),
        [("realtime_minus_monotonic", 0.002), ("freq", 65536), ("offset", 1000), ("status", 1), ("tick", 1)],
    )
    def test_it_sees_a_movement(self, tmp_path: pathlib.Path, reading: str, movement: float) -> None:
        record = tmp_path / "before.json"
        subprocess.run([CLOCK_GUARD, "record", record], check=True)
        before = json.loads(record.read_text())
        is_step = reading == "realtime_minus_monotonic"
        # Where a time daemon steers this machine's clock, the guard only looks for steps.
        seen = is_step or bool(int(before["status"]) & 0x40)
        before[reading] += movement * 1000 if is_step else movement
        record.write_text(json.dumps(before))
        done = subprocess.run([CLOCK_GUARD, "check", record], capture_output=True, text=True, check=False)
        assert done.returncode == (3 if seen else 0)
        assert ("clock_guard: " in done.stderr) == seen

    def test_it_sees_nothing_where_nothing_was(self, tmp_path: pathlib.Path) -> None:
        subprocess.run([CLOCK_GUARD, "record", tmp_path / "before.json"], check=True)
        assert subprocess.run([CLOCK_GUARD, "check", tmp_path / "before.json"], check=False).returncode == 0
