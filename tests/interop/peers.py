# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP daemons of others: unpacked, never installed, and run in a network namespace without any power over the clock."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import needs

CACHE = Path(os.environ.get("LAB_CACHE", "/var/cache/timecast-lab")) / "peers"

# Kept in step with the engine's names in ENGINE_KEYS; `None` means that the program has no such algorithm.
_SECRETS = {
    1: ("MD5", "lab-md5-secret"),
    2: ("SHA1", "22" * 20),
    3: ("SHA256", "33" * 32),
    4: ("AES128", "2b7e151628aed2a6abf7158809cf4f3c"),
    5: ("SHA512", "55" * 20),
    9: ("AES256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
    12: ("SHA3-256", "ab" * 32),
}
_ENGINE_NAMES = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "AES128": "aes-128-cmac",
    "SHA512": "sha512",
    "AES256": "aes-256-cmac",
    "SHA3-256": "sha3-256",
}
ENGINE_KEYS = "".join(
    f"{number} {_ENGINE_NAMES[name]} {'ascii' if number == 1 else 'hex'}:{value}\n"
    for number, (name, value) in _SECRETS.items()
)


@dataclass(frozen=True)
class Program:
    """A daemon, where it comes from, how it names the algorithms of the keys, and how its key file is written."""

    name: str
    suite: str
    package: str
    algorithms: dict[str, str]
    prefixes: bool = False

    @property
    def key_ids(self) -> tuple[int, ...]:
        return tuple(number for number, (name, _unused) in _SECRETS.items() if name in self.algorithms)

    def keys(self) -> str:
        lines = []
        for number in self.key_ids:
            name, value = _SECRETS[number]
            prefix = ("ASCII:" if number == 1 else "HEX:") if self.prefixes else ""
            lines.append(f"{number} {self.algorithms[name]} {prefix}{value}\n")
        return "".join(lines)

    def root(self) -> Path:
        """Where it is unpacked; fetches it once, and skips the test loudly where that can't be done."""
        directory = CACHE / f"{self.suite}-{self.package}"
        if not directory.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            command = [str(Path(__file__).with_name("unpack")), self.suite, str(directory), self.package]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                reason = (done.stderr.strip() or done.stdout.strip() or "no word why").splitlines()[-1]
                needs.leave_out(f"{self.package} of Debian {self.suite} can't be fetched: {reason}")
        return directory


CHRONY = Program("chronyd", "bookworm", "chrony", {name: name for name, _unused in _SECRETS.values()}, prefixes=True)
CLASSIC = Program(
    "ntpd 4.2.8p15",
    "bullseye",
    "ntp",
    {"MD5": "MD5", "SHA1": "SHA1", "SHA256": "SHA256", "AES128": "AES128CMAC", "SHA512": "SHA512"},
)
NTPSEC = Program(
    "NTPsec ntpd",
    "bookworm",
    "ntpsec",
    {"MD5": "MD5", "SHA1": "SHA1", "SHA256": "SHA256", "AES128": "AES-128", "SHA512": "SHA512", "AES256": "AES-256"},
)

# The daemon may never set the clock, which all namespaces share: CAP_SYS_TIME is gone for it and all its children.
# `ip netns exec` has made a mount namespace, so the mounts go away with the process.
_START = """
mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && mount -t tmpfs tmpfs "$1/run" &&
mount -t tmpfs tmpfs "$1/tmp" && mount --bind "$2" "$1/lab" || exit 1
root=$1; shift 2
exec setpriv --bounding-set=-sys_time --inh-caps=-sys_time --no-new-privs chroot "$root" "$@"
"""


class Peer:
    """One daemon. Its files lie in `directory`, which it sees as /lab."""

    def __init__(self, program: Program, directory: Path, namespace: str, configuration: str) -> None:
        self.program = program
        self.directory = directory
        self.root = program.root()
        self._namespace = namespace
        directory.mkdir(exist_ok=True)
        (directory / "peer.keys").write_text(program.keys())
        (directory / "peer.conf").write_text(configuration)
        self.process: subprocess.Popen[bytes] | None = None

    def _command(self) -> Sequence[str]:
        if self.program is CHRONY:
            return ["/usr/sbin/chronyd", "-x", "-d", "-u", "root", "-f", "/lab/peer.conf"]
        # Told to change its user, even to root, NTPsec insists on keeping the right to set the clock.
        user = ["-u", "root"] if self.program is CLASSIC else []
        return ["/usr/sbin/ntpd", "-n", *user, "-c", "/lab/peer.conf"]

    def __enter__(self) -> Peer:
        before = ["ip", "netns", "exec", self._namespace, "sh", "-c", _START, "sh"]
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*before, str(self.root), str(self.directory), *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_unused: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def ask(self, *arguments: str) -> str:
        """Run a program of the peer beside it, such as its query tool."""
        assert self.process is not None and self.process.poll() is None, self.log()
        enter = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--"]
        drop = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "chroot", str(self.root)]
        done = subprocess.run([*enter, *drop, *arguments], capture_output=True, text=True, check=False)
        return done.stdout

    def statistics(self) -> list[PeerLine]:
        """What an ntpd has written into `peerstats` (statsdir /lab/), oldest first."""
        path = self.directory / "peerstats"
        if not path.exists():
            return []
        found = []
        for line in path.read_text().splitlines():
            fields = line.split()
            if len(fields) >= 8:
                found.append(PeerLine(fields[2], int(fields[3], 16), float(fields[4]), float(fields[5])))
        return found


@dataclass(frozen=True)
class PeerLine:
    """A line of ntpd's peerstats. Seconds. The status word is that of RFC 9327."""

    address: str
    status: int
    offset: float
    delay: float

    @property
    def authentic(self) -> bool:
        return bool(self.status & 0x2000)

    @property
    def system_peer(self) -> bool:
        return self.status >> 8 & 7 == 6


STATISTICS = "statsdir /lab/\nfilegen peerstats file peerstats type none enable\n"


def ntpd_keys(program: Program) -> str:
    trusted = " ".join(str(number) for number in program.key_ids)
    return f"keys /lab/peer.keys\ntrustedkey {trusted}\n"
