# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse and plan a configuration of 10 MB with 5,000 interfaces; other libraries read the same text."""

from __future__ import annotations

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / ".build" / "collections"))

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp import options_codec, plan  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp import grammar  # noqa: E402

BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
OTHERS = {
    "ciscoconfparse2": "from ciscoconfparse2 import CiscoConfParse\n"
    "found = CiscoConfParse(lines, syntax='ios').find_objects('^interface')",
    "hier_config": "import hier_config\n"
    "host = hier_config.Host('ce1', 'generic')\nhost.load_running_config('\\n'.join(lines))\n"
    "found = [c for c in host.running_config.children if c.text.startswith('interface')]",
}
PROGRAM = "import sys, time\nlines = open(sys.argv[1]).read().split('\\n')\nstart = time.perf_counter()\n{}\n"
PROGRAM += "print(time.perf_counter() - start, len(found))"


def text_of(interfaces: int, octets: int) -> str:
    """A configuration with an NTP line on every interface, filled up with lines that mean nothing to us."""
    head = ["!Software Version V300R023C00", "#", "sysname CE1", "#", "ntp authentication enable"]
    head += ["ntp authentication-keyid 42 authentication-mode hmac-sha256 cipher %+%#JA!v6M22=Gg%+%#"]
    filler = " traffic-policy policy-number-{} inbound"
    lines = octets // interfaces // (len(filler) + 3)
    for number in range(interfaces):
        head += [
            "#",
            f"interface {name(number)}",
            " undo portswitch",
            f" ip address 10.{number >> 8}.{number & 255}.1 24",
        ]
        head += [" ipv6 enable", *(filler.format(line) for line in range(lines))]
        head += [" ntp multicast-server authentication-keyid 42"]
    return "\n".join([*head, "#", "return", ""])


def name(number: int) -> str:
    return f"100GE{number // 100}/{number % 100 // 10}/{number % 10}"


def ours(text: str, interfaces: int) -> tuple[float, float, int]:
    """Seconds to parse, seconds to plan, changes: another ttl on every interface."""
    start = time.perf_counter()
    present = grammar.parse_configuration(text)
    parsed = time.perf_counter()
    entries = [{"name": name(number), "servers": [{"key_id": 42, "ttl": 8}]} for number in range(interfaces)]
    wanted = options_codec.configuration_from_options({"interfaces": entries})
    found = plan.plan(present.configuration, wanted, state=plan.State.REPLACED)
    return parsed - start, time.perf_counter() - parsed, len(found.changes)


def other(library: str, path: pathlib.Path, timeout: float) -> tuple[float, bool]:
    """Seconds that a library needs to parse the text and to find its interfaces, and whether it came to an end."""
    command = [str(BENCH_PYTHON), "-c", PROGRAM.format(OTHERS[library]), str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return timeout, False
    except subprocess.CalledProcessError as error:
        print(f"{library}: {error.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return float("nan"), False
    return float(done.stdout.split()[0]), True


def main() -> None:
    parser = argparse.ArgumentParser(prog="parser")
    parser.add_argument("--timeout", type=float, default=90.0, help="seconds for each other library")
    options = parser.parse_args()
    print(f"{'interfaces':>10}  {'MB':>5}  {'parse s':>8}  {'plan s':>7}  {'parse + plan s':>14}")
    for interfaces in (1250, 2500, 5000):
        text = text_of(interfaces, interfaces * 2000)
        parsed, planned, _unused = min(
            (ours(text, interfaces) for _unused in range(3)), key=lambda found: found[0] + found[1]
        )
        total = parsed + planned
        print(f"{interfaces:>10}  {len(text) / 1e6:>5.1f}  {parsed:>8.2f}  {planned:>7.2f}  {total:>14.2f}")
    print(
        f"{'met   ' if total <= 2 else 'MISSED'}  10 MB, 5,000 interfaces, parse + plan, s: {total:.2f} (target <= 2)"
    )
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "configuration.txt"
        path.write_text(text, encoding="utf-8")
        for library in OTHERS:
            seconds, ended = other(library, path, options.timeout)
            print(
                f"{'met   ' if seconds / total >= 5 else 'MISSED'}  {library}, parsing alone: "
                f"{'' if ended else 'more than '}{seconds:.1f} s, {seconds / total:.1f} x ours (target >= 5)"
            )


if __name__ == "__main__":
    main()
