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

TEMPLATE = (
    pathlib.Path(__file__).resolve().parents[3]
    / "roles"
    / "ntp_multicast_engine"
    / "templates"
    / "ntp-multicast-engine.service.j2"
)
OWNERS = ["chrony.service", "systemd-timesyncd.service"]


def render(discipline: str, *, reads_kernel: bool = False, cards: tuple[str, ...] = ()) -> str:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        ntp_multicast_engine_discipline=discipline,
        ntp_multicast_engine_hardware_timestamps=list(cards),
        __ntp_multicast_engine_reads_kernel=reads_kernel or discipline == "kernel",
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
    ("discipline", "reads_kernel", "cards", "limit"),
    [
        ("monitor", False, (), 1.5),
        ("chrony", False, (), 1.5),
        ("monitor", True, (), 1.8),
        ("kernel", True, (), 2.0),
        ("monitor", False, ("eth0",), 1.5),
    ],
)
def test_how_systemd_judges_the_sandbox(
    tmp_path: pathlib.Path, discipline: str, reads_kernel: bool, cards: tuple[str, ...], limit: float
) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT JUDGED: no systemd-analyze here (apt-get install systemd)")
    unit = tmp_path / "judged.service"
    unit.write_text(render(discipline, reads_kernel=reads_kernel, cards=cards))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("NOT JUDGED: this systemd-analyze is older than 250 and wants a running systemd")
    judged = done.stdout.splitlines()[-1]
    assert float(judged.split(":")[1].split()[0]) <= limit, done.stdout


@pytest.mark.parametrize("discipline", ["monitor", "chrony", "kernel"])
def test_the_right_to_set_the_clock_goes_with_kernel_alone(discipline: str) -> None:
    found = settings(render(discipline))
    rights = found["CapabilityBoundingSet"][0].split()
    assert ("CAP_SYS_TIME" in rights) == (discipline == "kernel")
    assert found["AmbientCapabilities"] == found["CapabilityBoundingSet"]
    assert ("ProtectClock" in found) == (discipline != "kernel")


def test_the_clocks_of_cards_are_there_for_hardware_stamps_alone() -> None:
    assert "ptp" not in render("monitor") and "ExecStartPre" not in render("monitor")
    found = settings(render("monitor", cards=("eth0",)))
    assert found["DeviceAllow"] == ["char-ptp r"] and found["PrivateDevices"] == ["yes"]
    assert found["BindPaths"][0] == "-/dev/ptp0"
    # Outside of the sandbox, and no reason not to start.
    assert [line[:2] for line in found["ExecStartPre"] + found["ExecStopPost"]] == ["-+", "-+"]
    assert found["CapabilityBoundingSet"] == settings(render("monitor"))["CapabilityBoundingSet"]


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
