# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with a clock of its own, made by tests/testbed/virtual_machine, and the witness of its clock."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import needs
from virtual_machine.monitor import Monitor
from virtual_machine.witness import Reading, Witness

TESTS = Path(__file__).parents[1]
SCRIPT = TESTS / "testbed" / "virtual_machine"
PACKAGE = TESTS.parent / "roles" / "ntp_multicast_engine" / "files"
INSIDE = "/opt/test"
"""Where the guest has what is copied into it."""
_COUNTER_ONLY = ("tsc=reliable", "hpet=disable", "pmtmr=0")
"""No other counter, so that the kernel can't notice that the frequency that it was told is wrong."""


def tools_missing() -> str:
    """What a guest needs and this machine lacks; "" is nothing."""
    places = ("/usr/bin/qemu-system-x86_64", "/usr/bin/mmdebstrap", "/usr/sbin/mkfs.ext4")
    return next(filter(None, (needs.no_file(Path(place), "virtual_machine") for place in places)), "")


class Guest:
    """:param name: of the network namespace, and of the folder of what runs under /run.
    :param card: the network card, as the emulator calls it.
    """

    def __init__(self, name: str = "timecast-vm", card: str = "virtio-net-pci") -> None:
        self.namespace = name
        self._environment = {**os.environ, "VM_NET": name, "VM_RUN": f"/run/{name}", "VM_CARD": card}
        self.address = "10.99.9.10"
        self.host_address = "10.99.9.1"
        self._witness: Witness | None = None

    def _script(self, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(SCRIPT), *arguments]
        return subprocess.run(command, input=text, env=self._environment, text=True, check=False, capture_output=True)

    def _must(self, *arguments: str) -> str:
        done = self._script(*arguments)
        if done.returncode != 0:
            raise RuntimeError(f"virtual_machine {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def up(self, kilohertz: int | None = None) -> None:
        """Boot. :param kilohertz: what the kernel is told of its counter's frequency; None: it measures itself."""
        told = (f"tsc_early_khz={kilohertz}", *_COUNTER_ONLY) if kilohertz else ()
        self._must("up", *told)
        self._must("copy", str(PACKAGE), INSIDE)
        self._must("copy", str(Path(__file__).parent), INSIDE)
        self.start_witness()

    def up_with_error(self, parts_per_million: float, tolerance: float = 2.0) -> float:
        """Boot with an oscillator that runs so much too fast; gives by how much it really does.

        The guest counts with this machine's time stamp counter, and its kernel is told a frequency that is off by as
        much.
        """
        told = host_kilohertz()
        for _unused in range(2):
            told = round(told / (1 + parts_per_million * 1e-6))
            self.down()
            self.up(told)
            error = self.frequency_error(10, raw=True)
            if abs(error - parts_per_million) < tolerance:
                return error
            told = round(told * (1 + error * 1e-6))
        raise RuntimeError(f"wanted an oscillator that is {parts_per_million:+g} ppm off, got {error:+g}")

    def start_witness(self) -> None:
        self.start("witness", "python3", f"{INSIDE}/guest_witness.py", "serve")
        self._witness = Witness(Path(self._environment["VM_RUN"]) / "memory")

    def down(self) -> None:
        self._witness = None
        self._must("down")

    def reboot(self) -> None:
        self._must("reboot")
        self.start_witness()

    def run(self, *command: str) -> str:
        """What a command in the guest prints; raises RuntimeError if it fails."""
        return self._must("exec", *command)

    def write(self, path: str, text: str) -> None:
        """Write a file that only root may read."""
        script = 'umask 077; mkdir -p "$(dirname "$0")"; cat > "$0"'
        done = self._script("exec", "sh", "-c", script, path, text=text)
        if done.returncode != 0:
            raise RuntimeError(f"{path}: {done.stderr}")

    def start(self, unit: str, *command: str, kind: str = "exec") -> None:
        """Run a program as a service of the guest."""
        options = ("--quiet", "--collect", f"--unit={unit}", f"--service-type={kind}", f"--setenv=PYTHONPATH={INSIDE}")
        self.run("systemd-run", *options, *command)

    def stop(self, unit: str) -> None:
        self.run("systemctl", "stop", f"{unit}.service")

    def log(self, unit: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}.service")

    def monitor(self) -> Monitor:
        return Monitor(Path(self._environment["VM_RUN"]) / "monitor")

    def pause(self, seconds: float) -> None:
        """Stand still with all clocks, as a guest that its hypervisor pauses, migrates or restores."""
        monitor = self.monitor()
        monitor.execute("stop")
        try:
            time.sleep(seconds)
        finally:
            monitor.execute("cont")

    def starve(self, seconds: float) -> None:
        """Stand still while the counter of the processor goes on, as a guest that gets no processor."""
        emulator = int((Path(self._environment["VM_RUN"]) / "pid").read_text(encoding="ascii"))
        os.kill(emulator, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(emulator, signal.SIGCONT)

    def step(self, seconds: float) -> None:
        """Put the guest's clock `seconds` ahead of where it is, as a person with root's rights would."""
        self.run("python3", f"{INSIDE}/guest_witness.py", "step", str(seconds))

    def make_wrong(self, seconds: float) -> None:
        """Forget all steering and leave the clock `seconds` ahead of this machine's."""
        self.run("python3", f"{INSIDE}/guest_witness.py", "forget")
        self.step(seconds - self.clock().offset)

    def clock(self) -> Reading:
        """How the guest's clock stands against this machine's."""
        if self._witness is None:
            raise RuntimeError("the guest isn't up")
        return self._witness.read()

    def frequency_error(self, seconds: float, *, raw: bool = False) -> float:
        """How much faster than this machine's the guest's clock runs, ppm; `raw`: without what its kernel adds."""
        first = self.clock()
        time.sleep(seconds)
        last = self.clock()
        gained = last.raw - first.raw if raw else last.offset - first.offset
        return gained / (last.time - first.time) * 1e6


def host_kilohertz() -> int:
    """What this machine's kernel assumes of its time stamp counter; `up_with_error` looks whether it is right."""
    found = re.search(r"^cpu MHz\s*: (\d+\.\d+)", Path("/proc/cpuinfo").read_text(encoding="ascii"), re.MULTILINE)
    if found is None:
        raise RuntimeError("/proc/cpuinfo tells no frequency: this needs an x86 processor")
    return round(float(found[1]) * 1000)
