# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`plot.py PICTURE`: time and memory over the number of devices, from JSON on standard input. Needs matplotlib."""

from __future__ import annotations

import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def main() -> None:
    sizes = json.load(sys.stdin)
    devices = [size["devices"] for size in sizes]
    figure, (time, memory) = pyplot.subplots(1, 2, figsize=(10, 4))
    time.plot(devices, [size["wall"] for size in sizes], "o-", label="check_drift")
    time.plot(devices, [size["floor_wall"] for size in sizes], "s--", label="floor (first run, plain paramiko)")
    time.set_ylabel("wall time in s")
    memory.plot(devices, [size["memory"] for size in sizes], "o-", label="controller, all processes")
    memory.plot(devices, [size["simulator_memory"] for size in sizes], "s--", label="simulated devices")
    memory.set_ylabel("memory in MiB")
    for axes in (time, memory):
        axes.set_xlabel("devices")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(True, alpha=0.3)
        axes.legend()
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


if __name__ == "__main__":
    main()
