# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that the role writes: how systemd judges its sandbox, and what each discipline needs of it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import jinja2
import pytest

TEMPLATES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast_engine" / "templates"
ENGINE, KEEPER = "ntp-multicast-engine.service", "ntp-multicast-engine-clock.service"
OWNERS = ["chrony.service", "systemd-timesyncd.service"]


def render(discipline: str, *, reads_kernel: bool = False, unit: str = ENGINE) -> str:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return environment.from_string((TEMPLATES / f"{unit}.j2").read_text(encoding="utf-8")).render(
        ntp_multicast_engine_discipline=discipline,
        __ntp_multicast_engine_reads_kernel=reads_kernel or discipline == "kernel",
        __ntp_multicast_engine_service=ENGINE,
        __ntp_multicast_engine_clock_service=KEEPER,
        __ntp_multicast_engine_steered="/run/steered",
        __ntp_multicast_engine_keys=[{"id": 42}],
        __ntp_multicast_engine_host={"chrony_unit": "chrony.service", "chrony_user": "_chrony"},
        __ntp_multicast_engine_clock_owners=OWNERS,
        __ntp_multicast_engine_command="/usr/local/bin/ntp-multicast-engine",
        __ntp_multicast_engine_etc="/etc/ntp-multicast-engine",
    )


def settings(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("discipline", "reads_kernel", "unit", "limit"),
    [
        ("monitor", False, ENGINE, 1.5),
        ("chrony", False, ENGINE, 1.5),
        ("monitor", True, ENGINE, 1.5),
        ("monitor", True, KEEPER, 0.8),
        ("kernel", True, ENGINE, 1.5),
        ("kernel", True, KEEPER, 1.2),
    ],
)
def test_how_systemd_judges_the_sandbox(
    tmp_path: pathlib.Path, discipline: str, reads_kernel: bool, unit: str, limit: float
) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT JUDGED: no systemd-analyze here (apt-get install systemd)")
    judged_unit = tmp_path / "judged.service"
    judged_unit.write_text(render(discipline, reads_kernel=reads_kernel, unit=unit))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(judged_unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("NOT JUDGED: this systemd-analyze is older than 250 and wants a running systemd")
    judged = done.stdout.splitlines()[-1]
    assert float(judged.split(":")[1].split()[0]) <= limit, done.stdout


@pytest.mark.parametrize("discipline", ["monitor", "chrony", "kernel"])
def test_the_right_to_set_the_clock_goes_with_kernel_and_its_keeper_alone(discipline: str) -> None:
    found = settings(render(discipline))
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]
    assert found["ProtectClock"] == ["yes"] and "adjtimex" not in render(discipline)
    assert (KEEPER in found.get("Requires", [])) == (KEEPER in found["After"]) == (discipline == "kernel")
    kept = settings(render(discipline, unit=KEEPER))
    rights = ["CAP_SYS_TIME" if discipline == "kernel" else ""]
    assert kept["CapabilityBoundingSet"] == kept["AmbientCapabilities"] == rights


def test_the_keeper_of_the_clock_has_no_network_and_ends_with_the_engine() -> None:
    kept = settings(render("kernel", unit=KEEPER))
    assert (kept["PrivateNetwork"], kept["RestrictAddressFamilies"]) == (["yes"], ["AF_UNIX"])
    assert (kept["PartOf"], kept["StopWhenUnneeded"]) == ([ENGINE], ["yes"])
    assert KEEPER not in render("monitor") and KEEPER in render("monitor", reads_kernel=True)


def test_the_clock_has_one_owner() -> None:
    found = settings(render("kernel"))
    assert found["Conflicts"] == [" ".join(OWNERS)] and " ".join(OWNERS) in found["After"]
    assert found["ExecStartPre"] == ["+/usr/local/bin/ntp-multicast-engine check-clock"]
    assert not {"Conflicts", "ExecStartPre"} & set(settings(render("monitor")))


def test_systemd_is_told_and_watches() -> None:
    found = settings(render("monitor"))
    assert (found["Type"], found["WatchdogSec"], found["Restart"]) == (["notify"], ["30"], ["on-failure"])
    check = "+/usr/local/bin/ntp-multicast-engine check-config --config /etc/ntp-multicast-engine/engine.json"
    assert found["ExecReload"] == [check, "/bin/kill -HUP $MAINPID"]
