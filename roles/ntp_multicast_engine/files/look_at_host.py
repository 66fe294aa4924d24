# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has to know about a host, as JSON.

Arguments: the engine's unit, the file for chronyd, then the units that may own the clock.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys


def has_cmac():
    try:
        from cryptography.hazmat.primitives.cmac import CMAC
    except ImportError:
        return False
    return CMAC is not None


def unit_states(units):
    """Unit -> its properties; aliases appear under the unit's own name."""
    command = ["systemctl", "show", "--property=Id,LoadState,ActiveState", *units]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.stdout.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


def first_user(*names):
    for name in names:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


def main():
    unit_file, chrony_file, *units = sys.argv[1:]
    systemd = os.path.isdir("/run/systemd/system")
    states = unit_states(units) if systemd else {}
    chrony = [
        name for name in ("chronyd.service", "chrony.service") if states.get(name, {}).get("LoadState") == "loaded"
    ]
    look = {
        "python": list(sys.version_info[:3]),
        "cmac": has_cmac(),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "systemd": systemd,
        "clock_owners": sorted(
            name for name, state in states.items() if state["ActiveState"] in ("active", "activating", "reloading")
        ),
        "chrony_unit": chrony[0] if chrony else None,
        "chrony_user": first_user("_chrony", "chrony"),
        "unit_file": os.path.exists(unit_file),
        "chrony_file": os.path.exists(chrony_file),
    }
    json.dump(look, sys.stdout)


main()
