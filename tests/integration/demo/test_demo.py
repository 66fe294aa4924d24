# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo as a newcomer runs it, at a high verbosity; tshark and RFC 4493 / RFC 2104 judge what went over the wire."""

from __future__ import annotations

import hmac
import os
import pathlib
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import needs
import pytest
import yaml
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC

ROOT = pathlib.Path(__file__).resolve().parents[3]
CIPHERTEXT = re.compile(r"%[\^+#@]%[#@].{20,}%[\^+#@]%[#@]")
HEADER_OCTETS = 48

pytestmark = needs.root


@dataclass(frozen=True)
class Demo:
    """A finished run: exit code, all that it printed, what it kept, the arguments of every process seen meanwhile."""

    exit_code: int
    printed: str
    kept: pathlib.Path
    arguments_seen: bytes
    secrets: dict[str, str]


class ProcessWatch(threading.Thread):
    """Collect the arguments of all processes of the machine until it is told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(0.05):
            for command_line in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(command_line.read_bytes())
                except OSError:
                    continue

    def stop(self) -> bytes:
        self._stop_asked.set()
        self.join()
        return b"\n".join(self.seen)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    kept = tmp_path_factory.mktemp("demo")
    watch = ProcessWatch()
    watch.start()
    run = subprocess.run(
        [ROOT / "tests/demo/demo", "--drift", "--output", kept, "-vvv"],
        env={**os.environ, "LAB_NET": f"timecast-dtest-{os.getpid()}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    arguments = watch.stop()
    (kept / "printed.log").write_text(run.stdout, encoding="utf-8")
    login = yaml.safe_load((kept / "secrets.yml").read_text(encoding="utf-8"))
    secrets = {name: value for name, value in login.items() if name.startswith("demo_")}
    yield Demo(run.returncode, run.stdout, kept, arguments, secrets)
    shutil.rmtree(kept)


def part(demo: Demo, heading: str) -> str:
    """What the demo printed under one of its headings."""
    return next(text for text in demo.printed.split("\n=== ") if text.startswith(heading))


def test_ends_green(demo: Demo) -> None:
    assert demo.exit_code == 0, demo.printed[-6000:]


def test_prints_the_difference(demo: Demo) -> None:
    first = part(demo, "site: ")
    assert re.search(r"^\+.*ntp multicast-server 224\.0\.1\.1|^\+ *ntp multicast-server", first, re.MULTILINE)
    assert re.search(r"^\+.*ntp-service multicast-client", first, re.MULTILINE)


def test_second_run_changes_nothing(demo: Demo) -> None:
    recap = re.findall(
        r"^(\w+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", part(demo, "site again"), re.MULTILINE
    )
    assert sorted(recap) == [(name, "0", "0", "0") for name in ("ce1", "linux1", "linux2", "ne1")]


def test_verify_shows_everyone_synchronised(demo: Demo) -> None:
    table = part(demo, "verify: ")
    for name in ("ce1", "linux1", "linux2", "ne1"):
        assert re.search(rf"^\W*{name}\b.*\byes\b", table, re.MULTILINE), table[-3000:]


def test_drift_finds_exactly_the_two_that_were_changed(demo: Demo) -> None:
    assert "Exactly these two were reported" in demo.printed


def test_no_secret_in_what_was_printed(demo: Demo) -> None:
    for name, secret in demo.secrets.items():
        assert secret not in demo.printed, f"{name} was printed"
    assert not CIPHERTEXT.search(demo.printed)


def test_no_secret_in_the_arguments_of_a_process(demo: Demo) -> None:
    assert b"ansible-playbook" in demo.arguments_seen
    for name, secret in demo.secrets.items():
        assert secret.encode() not in demo.arguments_seen, f"{name} was an argument of a process"


def test_no_secret_in_the_command_logs_of_the_devices(demo: Demo) -> None:
    logs = "".join(path.read_text(encoding="utf-8") for path in (demo.kept / "devices").glob("*.jsonl"))
    assert "authentication-keyid 42" in logs
    for name, secret in demo.secrets.items():
        assert secret not in logs, f"{name} is in a command log"


@dataclass(frozen=True)
class Packet:
    """A mode 5 packet as tshark decodes it."""

    group: str
    hops: int
    version: int
    port: int
    key_id: int
    payload: bytes


def mode_5_packets(capture: pathlib.Path) -> list[Packet]:
    fields = ["ip.dst", "ipv6.dst", "ip.ttl", "ipv6.hlim", "ntp.flags.vn", "udp.dstport", "ntp.keyid", "udp.payload"]
    decoded = subprocess.run(
        [
            "tshark",
            "-r",
            capture,
            "-Y",
            "ntp.flags.mode == 5",
            "-T",
            "fields",
            "-E",
            "occurrence=f",
            *(x for field in fields for x in ("-e", field)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    packets = []
    for line in decoded.stdout.splitlines():
        v4, v6, ttl, hop_limit, version, port, key_id, payload = line.split("\t")
        packets.append(
            Packet(
                v4 or v6,
                int(ttl or hop_limit),
                int(version),
                int(port),
                int(key_id.replace(":", ""), 16),
                bytes.fromhex(payload.replace(":", "")),
            )
        )
    return packets


def mac_verifies(packet: Packet, algorithm: str, secret: str) -> bool:
    header, mac = packet.payload[:HEADER_OCTETS], packet.payload[HEADER_OCTETS + 4 :]
    if algorithm == "aes-128-cmac":
        cmac = CMAC(algorithms.AES(secret.encode()))
        cmac.update(header)
        expected = cmac.finalize()
    else:
        expected = hmac.digest(secret.encode(), header, "sha256")[: len(mac)]
    return len(mac) >= 16 and mac == expected


@needs.commands("tshark")
@pytest.mark.parametrize(
    ("group", "hops", "version", "key_id", "algorithm", "secret"),
    [
        ("224.0.1.1", 16, 4, 42, "aes-128-cmac", "demo_secret_42"),
        ("ff0e::101", 8, None, 43, "hmac-sha256", "demo_secret_43"),
    ],
)
def test_the_wire_carries_what_was_configured(
    demo: Demo, group: str, hops: int, version: int | None, key_id: int, algorithm: str, secret: str
) -> None:
    packets = [packet for packet in mode_5_packets(demo.kept / "demo.pcap") if packet.group == group]
    assert len(packets) >= 2
    for packet in packets:
        assert (packet.hops, packet.port, packet.key_id) == (hops, 123, key_id)
        assert version is None or packet.version == version
        assert mac_verifies(packet, algorithm, demo.secrets[secret])
