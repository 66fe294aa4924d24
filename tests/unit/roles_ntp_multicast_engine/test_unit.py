# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that the role writes: how systemd judges its sandbox, and what each discipline needs of it."""

from __future__ import annotations

import base64
import pathlib
import subprocess

import jinja2
import needs
import pytest
from unit.engine.obedient_clock import ObedientClock

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.engine_settings import truth
from ntp_multicast_engine.clock.helper.messages import perform, request
from ntp_multicast_engine.clock.helper.policy import ClockPolicy, InitialStep
from ntp_multicast_engine.config.configuration import Discipline
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

TEMPLATES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast_engine" / "templates"
ENGINE, HELPER = "ntp-multicast-engine.service", "ntp-multicast-engine-clock.service"
OWNERS = ["chrony.service", "systemd-timesyncd.service"]


def render(
    discipline: str, *, reads_kernel: bool = False, unit: str = ENGINE, keys: bool = True, raw_sockets: object = False
) -> str:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["bool"] = truth
    return environment.from_string((TEMPLATES / f"{unit}.j2").read_text(encoding="utf-8")).render(
        ntp_multicast_engine_discipline=discipline,
        ntp_multicast_engine_raw_sockets=raw_sockets,
        __ntp_multicast_engine_reads_kernel=reads_kernel or discipline == "kernel",
        __ntp_multicast_engine_service=ENGINE,
        __ntp_multicast_engine_clock_service=HELPER,
        __ntp_multicast_engine_clock_run="/run/helper",
        __ntp_multicast_engine_initial_step_used="/run/used",
        __ntp_multicast_engine_user="_chrony" if discipline == "chrony" else "ntp-multicast-engine",
        __ntp_multicast_engine_keys=[{"id": 42}] if keys else [],
        __ntp_multicast_engine_chrony={"unit": "chrony.service", "user": "_chrony"},
        __ntp_multicast_engine_conflicting_units=OWNERS,
        __ntp_multicast_engine_command="/usr/local/bin/ntp-multicast-engine",
        __ntp_multicast_engine_etc="/etc/ntp-multicast-engine",
    )


def test_ids_of_keys_may_be_text() -> None:
    """As templates, surveys and -e give them."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["b64encode"] = lambda text: base64.b64encode(text.encode()).decode()
    environment.filters["zip"] = zip
    keys = [{"id": number, "algorithm": "md5", "secret": "x"} for number in ("42", 7, "100", 9)]
    text = environment.from_string((TEMPLATES / "keys.j2").read_text(encoding="utf-8"))
    lines = text.render(__ntp_multicast_engine_keys=keys).splitlines()[1:]
    assert lines == [f"{number} md5 base64:eA==" for number in (7, 9, 42, 100)]


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
        ("monitor", True, HELPER, 0.8),
        ("kernel", True, ENGINE, 1.5),
        ("kernel", True, HELPER, 1.2),
    ],
)
def test_how_systemd_judges_the_sandbox(
    tmp_path: pathlib.Path, discipline: str, reads_kernel: bool, unit: str, limit: float
) -> None:
    needs.require(needs.no_command("systemd-analyze"))
    judged_unit = tmp_path / "judged.service"
    judged_unit.write_text(render(discipline, reads_kernel=reads_kernel, unit=unit))
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(judged_unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        needs.leave_out("this systemd-analyze is older than 250, and judges no file; use a newer systemd")
    judged = done.stdout.splitlines()[-1]
    assert float(judged.split(":")[1].split()[0]) <= limit, done.stdout


@pytest.mark.parametrize("discipline", ["monitor", "chrony", "kernel"])
def test_the_right_to_set_the_clock_goes_with_kernel_and_its_helper_alone(discipline: str) -> None:
    found = settings(render(discipline))
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE"]
    assert found["ProtectClock"] == ["yes"] and "adjtimex" not in render(discipline)
    assert (HELPER in found.get("Wants", [])) == (HELPER in found["After"]) == (discipline == "kernel")
    assert "Requires" not in found and "BindsTo" not in found, "its death would be a restart of this one"
    kept = settings(render(discipline, unit=HELPER))
    rights = ["CAP_SYS_TIME" if discipline == "kernel" else ""]
    assert kept["CapabilityBoundingSet"] == kept["AmbientCapabilities"] == rights


@pytest.mark.parametrize(("said", "rights"), [(True, " CAP_NET_RAW"), ("yes", " CAP_NET_RAW"), ("false", "")])
def test_the_right_to_raw_sockets_is_asked_for(said: object, rights: str) -> None:
    found = settings(render("monitor", raw_sockets=said))
    assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == ["CAP_NET_BIND_SERVICE" + rights]


def test_the_clock_helper_has_no_network_and_ends_with_the_engine() -> None:
    kept = settings(render("kernel", unit=HELPER))
    assert (kept["PrivateNetwork"], kept["RestrictAddressFamilies"]) == (["yes"], ["AF_UNIX"])
    assert (kept["PartOf"], kept["StopWhenUnneeded"]) == ([ENGINE], ["yes"])
    assert HELPER not in render("monitor") and HELPER in render("monitor", reads_kernel=True)


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


@pytest.mark.parametrize("discipline", ["monitor", "chrony", "kernel"])
def test_the_keys_are_handed_over_open(discipline: str) -> None:
    """Not by LoadCredential=, which systemd 247 can't have beside ExecStartPre= and PrivateMounts= (systemd issue
    18116), and which the drop-in of LXC's images takes away (lxc/distrobuilder issue 985)."""
    found = settings(render(discipline))
    assert found["StandardInput"] == ["file:/etc/ntp-multicast-engine/keys"]
    assert found["Environment"] == ["NTP_MULTICAST_ENGINE_KEYS=stdin"]
    assert not {"LoadCredential", "LoadCredentialEncrypted"} & set(found)
    assert not {"StandardInput", "Environment"} & set(settings(render(discipline, keys=False)))


def test_only_the_engines_group_reaches_the_clock_helper() -> None:
    for discipline, group in (("kernel", "ntp-multicast-engine"), ("chrony", "_chrony")):
        found = settings(render(discipline, unit=HELPER))
        assert (found["Group"], found["RuntimeDirectoryMode"]) == ([group], ["0750"])
        assert settings(render(discipline))["User"] == [group]
        assert (found["LogRateLimitIntervalSec"], found["LogRateLimitBurst"]) == (["60"], ["20"]), "who is refused"


@pytest.mark.parametrize("unit", [ENGINE, HELPER])
def test_memory_has_a_bound(unit: str) -> None:
    assert settings(render("kernel", unit=unit))["MemoryMax"] == [{ENGINE: "256M", HELPER: "64M"}[unit]]


class Supervisor:
    """The two lines of the units that remember the initial step, run by a shell as systemd would."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.run, self.used = folder / "run", folder / "used"
        self.run.mkdir()

    @property
    def marker(self) -> pathlib.Path:
        return self.run / "initial-step-used"

    def ends(self, unit: str, result: str) -> None:
        (line,) = settings(render("kernel", unit=unit))["ExecStopPost"]
        script = line.partition("-c ")[2].strip("'").replace("$$", "$")
        script = script.replace("/run/helper", str(self.run)).replace("/run/used", str(self.used))
        subprocess.run(["sh", "-c", script], env={"SERVICE_RESULT": result}, check=True)
        if unit == HELPER:
            # RuntimeDirectory= goes with its service.
            self.marker.unlink(missing_ok=True)


def step_once_more(supervisor: Supervisor) -> int:
    """What an engine that was taken over gets from a fresh helper."""
    clock = ObedientClock()
    policy = ClockPolicy(
        clock, lambda: Discipline("kernel"), lambda: 0, InitialStep(supervisor.marker, supervisor.used)
    )
    for _unused in range(3):
        perform(request("step", nanoseconds=NANOSECONDS), policy)
    return len(clock.steps)


@pytest.mark.parametrize("result", ["exit-code", "signal", "core-dump", "watchdog", "oom-kill", "timeout"])
@pytest.mark.parametrize("deaths", [(ENGINE,), (HELPER,), (ENGINE, HELPER), (HELPER, ENGINE), (HELPER,) * 5])
def test_one_step_at_a_start_however_often_either_dies(
    tmp_path: pathlib.Path, deaths: tuple[str, ...], result: str
) -> None:
    supervisor = Supervisor(tmp_path)
    assert step_once_more(supervisor) == 1
    for unit in deaths:
        supervisor.ends(unit, result)
        if unit == ENGINE:
            # With nobody who needs it the helper ends too, and well.
            supervisor.ends(HELPER, "success")
        assert step_once_more(supervisor) == 0, f"{unit} has died once more"
    # What an administrator asks for is a start.
    supervisor.ends(ENGINE, "success")
    supervisor.ends(HELPER, "success")
    assert step_once_more(supervisor) == 1
