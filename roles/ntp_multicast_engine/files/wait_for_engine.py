# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until the engine of a service answers on its status socket; else say what its journal says.

It prints why the host lets nobody steer its clock, where that is so.

That systemd has started a service is not enough: one that crashes again and again is "activating" most of the time, or
answers for some seconds.
Arguments: the engine's command, its configuration, its service, that of the clock helper.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

LONGEST = 30.0
BETWEEN = 0.3
ENOUGH_RESTARTS = 3
STEADY = 10.0
PROPERTIES = ("ActiveState", "SubState", "NRestarts", "MainPID", "Result", "DropInPaths")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def properties(service):
    shown = run("systemctl", "show", "--property=" + ",".join(PROPERTIES), service).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def answer(command, configuration, process):
    """For how many seconds the engine has run, and why its discipline is refused, which it knows before it answers.

    None, if none answers that is the process of the service.
    """
    asked = run(command, "status", "--config", configuration, "--json")
    if asked.returncode != 0:
        return None
    try:
        document = json.loads(asked.stdout)
        engine, system = document["engine"], document["system"]
        refused = system["discipline_error"] if system["discipline_state"] == "refused" else ""
        return (float(engine["uptime"]), refused) if str(engine["pid"]) == process else None
    except (ValueError, KeyError, TypeError):
        return None


def hopeless(state, restarts):
    return state["ActiveState"] in ("failed", "inactive") or int(state["NRestarts"]) - restarts >= ENOUGH_RESTARTS


def last_words(*services):
    units = [word for service in services for word in ("--unit", service)]
    return run("journalctl", *units, "--output", "cat", "--no-pager", "--lines", "12").stdout.strip()


def additions(state):
    """Where something is added to the unit: the role adds nothing to its own."""
    paths = state.get("DropInPaths", "")
    return f"Something is added to its unit, look there too: {paths}. " if paths else ""


def main():
    command, configuration, service, helper = sys.argv[1:]
    state = properties(service)
    restarts, end = int(state["NRestarts"]), time.monotonic() + LONGEST
    trouble = "does not answer"
    while True:
        answered = answer(command, configuration, state["MainPID"])
        if answered is not None:
            up, refused = answered
            # One that has died before may do so again as soon as nobody looks.
            if int(state["NRestarts"]) == 0 or up >= STEADY:
                print(refused)
                return 0
            trouble = "answers, and ends again and again"
        if hopeless(state, restarts) or time.monotonic() > end:
            break
        time.sleep(BETWEEN)
        state = properties(service)
    print(
        f"{service} {trouble}. systemd calls it {state['ActiveState']} ({state['SubState']}), result "
        f"{state['Result']}, {state['NRestarts']} restarts. {additions(state)}"
        f"Its last words:\n{last_words(service, helper)}"
    )
    return 1


sys.exit(main())
