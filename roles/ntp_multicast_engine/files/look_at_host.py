# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role has to know about a host, as JSON. It changes nothing.

The role puts clock/conflicts.py of the engine and chronyd_configuration.py before it, and runs all three as one.
Arguments: the engine's unit, the file for chronyd or nothing, the list of stopped daemons, what chronyd's service was
before it had to run, the record of what was opened in the firewall, then the units that may own the clock.
"""

from __future__ import annotations

import json
import os
import platform
import pwd
import re
import subprocess
import sys

if "owners" not in globals():
    from chrony_key_block import OWN_FILE, block_in
    from chronyd_configuration import FILE_NAME, environment_of, main_file, read, what_it_reads, words_of, written_by_us

    from ntp_multicast_engine.clock.conflicts import owners

# Parts of them may be mounted on their own.
CHANGED_FOLDERS = ("/etc", "/etc/systemd/system", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/var/lib")
LITTLE_ROOM = 4 << 20  # octets: the engine, and what a generation keeps of it
CHRONY_ADDITION = "/etc/systemd/system/{}.d/ntp-multicast-engine.conf"
NETWORK = "/sys/class/net"


def has_cmac():
    try:
        from cryptography.hazmat.primitives.cmac import CMAC
    except ImportError:
        return False
    return CMAC is not None


def show(units, *names):
    """Unit -> its properties; aliases appear under the unit's own name."""
    command = ["systemctl", "show", "--property=" + ",".join(("Id", "LoadState", "ActiveState", *names)), *units]
    shown = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in shown.stdout.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


def systemd_version():
    try:
        shown = subprocess.run(["systemctl", "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
    except OSError:
        return 0
    match = re.match(r"systemd (\d+)", shown)
    return int(match.group(1)) if match else 0


def first_user(*names):
    for name in names:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


def clock_owners(units):
    """Who steers the clock; the service only where it is known to be one of a time daemon, for it may be stopped."""
    known = {unit.partition(".")[0] for unit in units}
    return [
        {"name": name, "unit": unit if unit and re.split("[@.]", unit)[0] in known else None} for name, unit in owners()
    ]


def chrony(units, wanted):
    """The service of chronyd, and whether it reads a file of the wanted name; None where nothing of it is there."""
    names = ("ExecStart", "EnvironmentFiles", "Environment", "UnitFileState")
    shown = [unit for unit in show(units, *names).values() if unit["Id"] in units]
    # One that is masked or was removed may still have what it was told.
    unit = next(
        (unit for unit in shown if unit["LoadState"] in ("loaded", "masked")),
        next((unit for unit in shown if os.path.exists(CHRONY_ADDITION.format(unit["Id"]))), {"Id": units[-1]}),
    )
    installed = unit.get("LoadState") in ("loaded", "masked")
    found = what_chrony_reads(unit, wanted)
    return found if installed or found["addition_exists"] or found["left"] or found["has_key_block"] else None


def what_chrony_reads(unit, wanted):
    environment = environment_of(unit.get("EnvironmentFiles", ""), unit.get("Environment", ""))
    main = main_file(words_of(unit.get("ExecStart", ""), environment))
    reading = what_it_reads(main)
    places = reading.places()
    path = wanted or (places[0] if places else None)
    left = {place for place in (*places, wanted, "/etc/chrony/conf.d/" + FILE_NAME) if place and os.path.exists(place)}
    # Under the name that an older description has given it, too.
    left.update(file for file in reading.files if file != main and written_by_us(file))
    key_file = reading.key_file or os.path.join(os.path.dirname(main), OWN_FILE)
    return {
        "unit": unit["Id"],
        "installed": unit.get("LoadState") in ("loaded", "masked"),
        "masked": unit.get("LoadState") == "masked",
        "running": unit.get("ActiveState") in ("active", "activating", "reloading", "failed"),
        "failed": unit.get("ActiveState") == "failed",
        "enabled": unit.get("UnitFileState") != "disabled",
        "user": first_user("_chrony", "chrony"),
        "main_file": main,
        "main_file_exists": os.path.isfile(main),
        "file": path,
        "folder_exists": path is not None and os.path.isdir(os.path.dirname(path)),
        "reads_file": path is not None and reading.reads(path),
        "places": places,
        "left": sorted(left),
        "old_files": sorted(left - {path}),
        "file_exists": path is not None and os.path.exists(path),
        "addition_exists": os.path.exists(CHRONY_ADDITION.format(unit["Id"])),
        "key_file": key_file,
        "names_key_file": reading.key_file is not None,
        "has_key_block": has_block(key_file),
    }


def has_block(key_file):
    """One that can't be read, by another user than root or because it is a folder, has none of ours."""
    try:
        return bool(block_in(key_file))
    except OSError:
        return False


def read_only():
    """The folders that can't be written to, without those below them."""
    there = filter(os.path.isdir, CHANGED_FOLDERS)
    found = [folder for folder in there if os.statvfs(folder).f_flag & os.ST_RDONLY]
    return [folder for folder in found if not any(folder.startswith(above + "/") for above in found)]


def full():
    """The folders whose file system has no room for the engine."""
    there = {folder: os.statvfs(folder) for folder in CHANGED_FOLDERS if os.path.isdir(folder)}
    # Some file systems count neither.
    return [
        folder
        for folder, room in there.items()
        if (room.f_blocks and room.f_bfree * room.f_frsize < LITTLE_ROOM) or (room.f_files and not room.f_ffree)
    ]


def in_the_way(unit_file, chrony_file):
    """Folders where the role writes a file: it would write into them, and nobody would read that."""
    helper = unit_file.replace(".service", "-clock.service")
    return [path for path in (unit_file, helper, chrony_file) if path and os.path.isdir(path)]


def distribution():
    """ID and ID_LIKE of os-release(5)."""
    found = dict(line.split("=", 1) for line in read("/etc/os-release").splitlines() if "=" in line)
    return [word for name in ("ID", "ID_LIKE") for word in found.get(name, "").strip("\"'").split()]


def stopped(path):
    """The services that the role has stopped, as it has noted."""
    try:
        noted = json.loads(read(path))
    except ValueError:
        return []
    return [unit for unit in noted if isinstance(unit, str)] if isinstance(noted, list) else []


def started(path):
    """What the service of chronyd was before it had to run for the engine, as noted; empty where it ran."""
    try:
        noted = json.loads(read(path))
        return {"unit": str(noted["unit"]), "running": noted["running"] is True, "enabled": noted["enabled"] is True}
    except (ValueError, TypeError, KeyError):
        return {}


def runs(service):
    """Whether it runs, also without its unit file."""
    return any(unit["ActiveState"] not in ("inactive", "failed") for unit in show([service]).values())


def interfaces():
    """Names of the interfaces, and their alternative names where iproute2 is there to tell them."""
    # Beside interfaces there may be a file of the bonding driver.
    names = {name for name in os.listdir(NETWORK) if os.path.isdir(os.path.join(NETWORK, name))}
    try:
        told = subprocess.run(["ip", "-json", "link"], capture_output=True, text=True, check=True).stdout
        for link in json.loads(told):
            names.update(link.get("altnames") or [])
    except (OSError, subprocess.SubprocessError, ValueError, AttributeError):
        pass
    return sorted(names)


def main():
    unit_file, chrony_file, stopped_file, started_file, firewall_record, *units = sys.argv[1:]
    systemd = os.path.isdir("/run/systemd/system")
    look = {
        "python": [int(number) for number in platform.python_version_tuple()[:2]],
        "root": os.geteuid() == 0,
        "cmac": has_cmac(),
        "interfaces": interfaces(),
        "systemd": systemd_version() if systemd else 0,
        "clock_owners": clock_owners(units) if systemd else [],
        "chrony": chrony(["chronyd.service", "chrony.service"], chrony_file) if systemd else None,
        "distribution": distribution(),
        "read_only": read_only(),
        "full": full(),
        "in_the_way": in_the_way(unit_file, chrony_file),
        "stopped": stopped(stopped_file),
        "started": started(started_file),
        "unit_file": os.path.exists(unit_file),
        "service_runs": systemd and runs(os.path.basename(unit_file)),
        "firewall": os.path.exists(firewall_record),
    }
    json.dump(look, sys.stdout)


if __name__ == "__main__":
    main()
