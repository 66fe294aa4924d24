# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from vrp_simulator.errors import SettingsError
from vrp_simulator.faults import Faults
from vrp_simulator.testing import LocalLink, RunningDevice, running_devices

from .conftest import KEY, Console, device_entry

LINE = "ntp refclock-master 2"


def pieces(link: LocalLink, text: str) -> list[bytes]:
    """What the device sends, piece by piece."""
    found: list[bytes] = []
    memory = link._memory
    write = memory.write
    memory.write = lambda data: (found.append(data), write(data))[1]  # type: ignore[method-assign]
    link.converse(text)
    memory.write = write  # type: ignore[method-assign]
    return found


def test_chunks_cut_characters_and_escape_sequences(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(interfaces=[{"name": "100GE1/0/1", "description": "Zürich ↔ Genève", "layer2": True}])
    device.set_faults(chunk_size=1)
    sent = pieces(console.link, "display current-configuration interface 100GE1/0/1\n")
    assert max(map(len, sent)) == 1 and "Zürich ↔ Genève" in b"".join(sent).decode()


def test_echo_is_wrapped_at_the_width() -> None:
    with running_devices([device_entry()]) as devices:
        link = devices["CE1"].open_link(width=20)
        link.converse()
        said = link.converse("display configuration sessions\n")
        assert said.startswith("display configu \x1b[1Dration sessions\r\n")
        devices["CE1"].set_faults(echo_width=10)
        assert link.converse("display clock\n").startswith("displ \x1b[1Day clock")


def test_log_lines_between_outputs(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    device.set_faults(log_lines="stoppable")
    text = console.type("display version")
    assert text.count("%%01NTP/4/STRATUM_CHANGE") >= 3
    console.type("undo terminal monitor")
    assert "%%01" not in console.type("display version")
    device.set_faults(log_lines="always")
    assert "%%01" in console.type("display version")


def test_timestamps_before_displays(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"timestamps": True, "timestamp_zone": " +03:00"})
    first = console.do("display version").split("\n")[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+03:00", first)


def test_banner_and_the_initial_password(open_device) -> None:  # type: ignore[no-untyped-def]
    _device, console = open_device(faults={"banner": "[V200] <No entry>", "initial_password": True})
    assert "[V200] <No entry>" in console.greeting
    assert console.prompt == "The password needs to be changed. Change now? [Y/N]:"
    console.type("n")
    assert console.prompt == "<CE1>"


def test_an_expired_password(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"expired_password": True})
    assert console.prompt == "The password needs to be changed, Continue? [Y/N]:"
    said = console.link.converse("y\nLogin-Pass-1\nLogin-Pass-1\nLogin-Pass-1\n")
    assert "Error: The password has appeared in recent 5 times." in said and "Login-Pass" not in said
    said = console.link.converse("Login-Pass-1\nLogin-Pass-2\nLogin-Pass-2\n")
    assert "The password has been changed successfully." in said and said.endswith("<CE1>")
    assert "Login-Pass" not in str(device.commands())
    device.set_faults(expired_password=True)
    refuser = Console(device.open_link())
    assert refuser.link.converse("n\n") is not None and refuser.link.closed


def test_all_terminal_lines_taken(open_device) -> None:  # type: ignore[no-untyped-def]
    device, _unused = open_device(faults={"vty_limit": 1})
    late = device.open_link()
    late.converse()
    assert late.closed and device.session_count() == 1


def test_locked_by_another_user_for_a_while(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"locked_by": 407, "lock_times": 2})
    console.do("system-view", LINE)
    for _unused in range(2):
        assert console.type("commit") == "Error: The configuration is locked by other user. [Session ID = 407]"
    console.do("commit")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"conflict_times": 1}, "Commit canceled, the configuration conflicted with other user"),
        ({"busy_times": 1}, "Error"),
        ({"stage2_refusal": "refclock", "stage2_times": 1}, "Error"),
    ],
)
@pytest.mark.parametrize("variant", range(3))
def test_refused_commits_stay_pending(open_device, faults: dict[str, object], words: str, variant: int) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults=faults, wording_variant=variant)
    before = device.running_configuration()
    console.do("system-view", LINE)
    assert words in console.type("commit")
    assert console.prompt == "[*CE1]" and device.running_configuration() == before
    console.do("commit")
    assert LINE in device.running_configuration()


def test_a_stale_candidate_needs_a_refresh(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"stale_times": 1})
    console.do("system-view", LINE)
    assert "Error" in console.type("commit")
    assert "Error" in console.type("commit")
    console.do("refresh configuration candidate", "commit")
    assert LINE in device.running_configuration()


def test_a_slow_commit_prints_dots(open_device) -> None:  # type: ignore[no-untyped-def]
    _device, console = open_device(faults={"slow_commit": 0.05})
    console.do("system-view", LINE)
    assert console.do("commit") == "Committing....done."


@pytest.mark.parametrize(
    ("moment", "applied"),
    [
        ("before-commit", False),
        ("during-commit", True),
        ("during-commit-undone", False),
        ("after-commit", True),
        ("line:refclock", False),
    ],
)
def test_a_lost_session(open_device, moment: str, applied: bool) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"lose_session": moment})
    console.link.converse(f"system-view\n{LINE}\ncommit\n")
    assert console.link.closed and device.session_count() == 0 and device.pending() == {}
    assert (LINE in device.running_configuration()) == applied
    Console(device.open_link()).do("system-view", LINE, "commit")


@pytest.mark.parametrize("moment", ["during-commit", "after-commit"])
def test_a_trial_runs_on_when_its_session_is_lost(open_device, moment: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"lose_session": moment})
    console.link.converse(f"system-view\n{LINE}\ncommit trial 120\n")
    assert console.link.closed and LINE in device.running_configuration()
    assert device.trial_active()
    device.expire_trial()
    assert LINE not in device.running_configuration()


HOLDS = {
    "line:refclock": ([], False),
    "taken:refclock": ([LINE], False),
    "before-commit": ([LINE], False),
    "during-commit": ([LINE], False),
    "after-commit": ([], True),
}


@pytest.mark.parametrize("step", HOLDS)
@pytest.mark.parametrize("lost", [False, True])
def test_a_device_held_at_a_step(open_device, step: str, lost: bool) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"hold": step})
    console.link.send(f"system-view\n{LINE}\ncommit\nreturn\n")
    assert device.wait_until_held() == step
    pending, applied = HOLDS[step]
    assert [line for lines in device.pending().values() for line in lines] == pending
    assert (LINE in device.running_configuration()) == applied
    device.release(lost=lost)
    if not lost:
        console.link.converse("quit\n")
    device.wait_until_deserted()
    assert device.pending() == {}
    assert (LINE in device.running_configuration()) == (applied or not lost)


def test_a_held_device_is_cut_and_reset(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"hold": "line:refclock", "hold_passes": 1})
    console.link.send(f"system-view\n{LINE}\n{LINE}\n")
    device.wait_until_held()
    device.reset()
    device.wait_until_deserted()
    assert LINE not in device.running_configuration()


def test_a_name_changed_by_the_commit(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"sysname_after_commit": "ELSE"})
    console.do("system-view", LINE, "commit")
    assert console.prompt == "[~ELSE]"


def test_foreign_pending_lines(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"foreign_pending": ["interface 100GE1/0/1", "ntp multicast-client"]})
    console.do("system-view")
    assert console.prompt == "[*CE1]"
    assert console.do("display configuration candidate") == "interface 100GE1/0/1\n ntp multicast-client"


def test_a_refused_line(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"refused_lines": {"^ntp refclock": "Error: The slot is not ready."}})
    console.do("system-view")
    assert console.type(LINE) == "Error: The slot is not ready."
    assert console.prompt == "[~CE1]"


def test_ciphertext_that_ends_like_a_prompt(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"cipher_tail": "<CE1>"})
    console.do("system-view", f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY}", "commit")
    assert re.search(r"authentication-keyid 1 .*<CE1>$", device.running_configuration(), re.MULTILINE)
    assert device.secret(1) == KEY


def test_the_first_character_after_long_output_is_lost(open_device) -> None:  # type: ignore[no-untyped-def]
    blocks = "".join(f"#\ninterface LoopBack{number}\n" for number in range(40))
    _unused, console = open_device(startup_configuration=blocks, faults={"lose_first_character": True})
    console.do("screen-length 0 temporary", "display current-configuration")
    assert "Unrecognized" in console.link.converse("display clock\n").replace("\r", "")


def test_progress_while_a_line_is_taken(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(faults={"progress": True})
    console.do("system-view")
    assert "\rRunning: 33%\r" in console.link.converse(f"{LINE}\n")


def test_faults_are_switched_off_again(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"timestamps": True})
    device.reset_faults()
    assert console.do("display clock").count("\n") == 2


def test_a_risky_line_asks_for_the_password(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(faults={"reauthentication": "^undo ntp"}, startup_configuration=f"#\n{LINE}\n#\n")
    console.do("system-view")
    console.type("undo ntp refclock-master")
    assert console.prompt == "Enter Password:"
    assert "Error: The password is invalid." in console.link.converse("wrong\n")
    console.type("undo ntp refclock-master")
    assert console.link.converse("Login-Pass-1\n").endswith("[*CE1]")
    assert "Login-Pass-1" not in str(device.commands())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stage2_refusal", "("),
        ("pause", {"[": 1.0}),
        ("no_such", 1),
        ("busy_times", "three"),
        ("timestamps", 1),
        ("busy_lines", {"^x": "two"}),
        ("cut_answers", {"^x": 0.5}),
        ("log_form", "epoch"),
        ("log_at", ["prompt", "nowhere"]),
        ("cut_then", "nothing"),
        ("_draws", 1),
    ],
)
def test_a_wrong_fault_is_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"faults.{name}"):
        Faults().change({name: value})


def test_reset_brings_the_device_back(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    before = device.running_configuration().partition("#")[2]
    console.do("system-view", LINE, "commit trial", "sysname X")
    device.set_faults(busy_times=-1)
    device.reset()
    assert device.running_configuration().partition("#")[2] == before
    assert (device.session_count(), device.commands(), device.commits(), device.trial_active()) == (0, [], [], False)
    Console(device.open_link()).do("system-view", LINE, "commit")


def test_another_user_changes_the_device(open_device) -> None:  # type: ignore[no-untyped-def]
    device, _unused = open_device()
    assert _change(device) == 1000000001
    assert "ntp server disable\n" in device.running_configuration()


def _change(device: RunningDevice) -> int:
    return device.change_as("other", ["interface 100GE1/0/1", "ntp multicast-client", "quit", LINE])
