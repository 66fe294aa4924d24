# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions and texts of real devices and of manuals, replayed against the simulator."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from vrp_simulator.testing import running_devices

from .conftest import Console

STEP = re.compile(r"^(<[\w.-]+>|\[[~*]?[\w./-]+(?::\d)?\])\s*(.*?)\s*$")
ANSWERED = re.compile(r"^(.*\[Y/N\]:?)\s*([YyNn])$")


@dataclass
class Step:
    prompt: str
    command: str
    output: list[str] = field(default_factory=list)


def steps_of(text: str) -> list[Step]:
    """Cut a session into what was typed at which prompt and what came back."""
    steps: list[Step] = []
    for line in text.splitlines():
        found = STEP.match(line)
        if found:
            steps.append(Step(found[1], found[2]))
        elif steps:
            steps[-1].output.append(line.rstrip())
    return steps


def replay(console: Console, steps: list[Step], ignored: Callable[[Step], bool] = lambda step: False) -> None:
    """Type the steps; prompts and outputs have to be the same, apart from outputs that are ignored."""
    for step in steps:
        assert console.prompt == step.prompt, f"before {step.command!r}"
        if not step.command:
            continue
        question = next((found for line in step.output if (found := ANSWERED.match(line))), None)
        answer = console.type(step.command)
        if question is not None:
            assert console.prompt == question[1]
            answer = f"{console.prompt}{question[2]}\n" + console.type(question[2])
        if not ignored(step):
            expected = [line for line in step.output if line]
            said = [line.rstrip() for line in answer.split("\n") if line]
            assert said == [re.sub(r"\]:?\s*[YyNn]$", lambda m: m[0].replace(" ", ""), line) for line in expected]


def test_session_of_an_operator(samples: pathlib.Path) -> None:
    """Two-stage session of a CE switch: BGP, interfaces, commit, save."""
    text = (samples / "ce-tor-session-deploy-commit-save.txt").read_text(encoding="utf-8")
    steps = steps_of(text)
    startup = (
        "#\nbgp 65002\n router-id 192.0.2.1\n#\ninterface 100GE1/0/1\n undo portswitch\n ipv6 enable\n"
        " ipv6 address FE80::E89:D1 link-local\n#\ninterface 100GE1/0/2\n undo portswitch\n ipv6 enable\n"
        " ipv6 address FE80::E89:D2 link-local\n#\n"
    )
    device = {
        "name": "D",
        "sysname": "dc2-92s89",
        "release": "ce-v200r005",
        "startup_configuration": startup,
        "interfaces": [],
    }
    with running_devices([device]) as devices:
        console = Console(devices["D"].open_link())
        # The device asked before `undo bgp` and printed both forms of a commit in one session (fact 3.2).
        unasked = [Step(step.prompt, step.command) if step.command == "undo bgp" else step for step in steps]
        replay(console, unasked, ignored=lambda step: step.command in ("undo bgp", "commit"))
        text = devices["D"].running_configuration()
        assert (
            "  ipv6-family vpn-instance Hbf\n" not in text and " ipv6-family vpn-instance Hbf\n  load-balancing" in text
        )
        assert " description spine-90d1 100ge4/0/10\n" in text and "E89" not in text


def test_sheet_of_two_stage_commands(samples: pathlib.Path) -> None:
    """Diff, trial, abort, save and rollback as a device printed them."""
    text = (samples / "ce-two-stage-cheatsheet-session.txt").read_text(encoding="utf-8")
    steps = steps_of(text)
    behaviour = {"commit_output": "silent"}
    startup = "#\nsysname HUAWEI\n#\ninterface 10GE0/0/38\n shutdown\n description default-config\n#\n"
    device = {
        "name": "D",
        "release": "ce-v200r005",
        "behaviour": behaviour,
        "startup_configuration": startup,
        "interfaces": [],
    }
    with running_devices([device]) as devices:
        console = Console(devices["D"].open_link())
        console.do("system-view")
        # The real `display this` of this release has no closing `#` and `return`, and another order of two lines.
        replay(console, list(steps[:4]), ignored=lambda step: step.command.startswith("display this"))
        console.do("clear configuration candidate", "sysname HUAWEI2", "undo sysname")
        replay(console, [Step("[*HUAWEI]", steps[5].command, steps[5].output), *steps[6:9]], _is_save)
        assert console.prompt == "<HUAWEI>"


def _is_save(step: Step) -> bool:
    return step.command == "save"  # the number of dots and the slot differ from device to device


@pytest.mark.parametrize(
    ("sample", "release", "version"),
    [
        ("ce6880-v200r005c10-display-current-configuration.txt", "ce-v200r005", "V200R005C10SPC800"),
        ("s5735-v600r023c00-display-current-configuration.txt", "s-v600", "V600R023C00SPC500"),
    ],
)
def test_a_real_configuration_is_printed_back(samples: pathlib.Path, sample: str, release: str, version: str) -> None:
    text = (samples / sample).read_text(encoding="utf-8")
    expected = text[text.index("\n#\n") : text.rindex("return\n") + len("return\n")]
    device = {"name": "D", "release": release, "startup_configuration": expected, "interfaces": []}
    with running_devices([device]) as devices:
        shown = devices["D"].running_configuration()
    assert shown.startswith(f"!Software Version {version}\n")
    # An empty block (fact 2.1) is not kept.
    assert shown[shown.index("\n#\n") :].splitlines() == re.sub(r"\n#\n#\n", "\n#\n", expected).splitlines()


MANUALS = [
    ("doc-ce6800-v300r023-multicast-example.txt", "ce-v300r023", "100GE1/0/1"),
    ("doc-ce6800-v300r023-client-server-auth-example.txt", "ce-v300r023", "100GE1/0/1"),
    ("doc-ce6800-v300r023-manycast-example.txt", "ce-v300r023", "100GE1/0/1"),
    ("doc-ne40e-v800r012-client-server-auth-example.txt", "ne40e-v800r012", "GigabitEthernet0/1/0"),
    ("doc-ne40e-v800r012-broadcast-auth-example.txt", "ne40e-v800r012", "GigabitEthernet0/1/0"),
    ("doc-ne40e-v800r012-peer-example.txt", "ne40e-v800r012", "GigabitEthernet0/1/0"),
]


@pytest.mark.parametrize(("sample", "release", "port"), MANUALS)
def test_the_manuals_examples_lead_to_the_manuals_files(
    samples: pathlib.Path, sample: str, release: str, port: str
) -> None:
    """Type what the manual types on each device; its NTP lines are then those of the manual's file.

    Manuals leave the automatic lines out and print keys as asterisks (sources.md).
    """
    text = (samples / sample).read_text(encoding="utf-8")
    typed: dict[str, list[str]] = {}
    name = ""
    for step in steps_of(text):
        prompt = re.sub(r"[\[\]<>~*]", "", step.prompt).partition("-")[0]
        name = step.command.partition(" ")[2] if step.command.startswith("sysname ") else prompt
        if name != "HUAWEI" and not step.command.startswith("display"):
            typed.setdefault(name, []).append(step.command.replace("********", "Secret-Key-2026!"))
    assert len(typed) >= 2
    for name, lines in typed.items():
        entry = {"name": name, "release": release, "interfaces": [{"name": port, "layer2": False}]}
        with running_devices([entry]) as devices:
            console = Console(devices[name].open_link())
            console.do("system-view", *(line for line in lines if line not in ("system-view", f"sysname {name}")))
            shown = _ntp_lines(devices[name].running_configuration())
        left_out = {"ntp refclock-master 2"} if "manycast" in sample else set()  # by the manual's file
        assert shown - left_out == _ntp_lines(_file_of(text, name)), name


def _file_of(text: str, name: str) -> str:
    start = text.index(f"sysname {name}\n", text.index("\n#\n"))
    return text[start : text.lower().index("\nreturn", start)]


def _ntp_lines(text: str) -> set[str]:
    """The NTP lines without what the manual leaves out or writes in another case."""
    found = set()
    for line in text.splitlines():
        line = re.sub(r"cipher .*", "cipher ...", line.strip())
        if re.match(r"ntp\S* ", line) and "server disable" not in line:
            found.add(line.replace("gigabitethernet ", "GigabitEthernet"))
    return found


def test_the_hardening_guide(samples: pathlib.Path) -> None:
    """`display current-configuration | include ntp` of NE, with the `#` lines around (fact 2.4)."""
    text = (samples / "doc-ne40e-v800r012-hardening-display-include-ntp.txt").read_text(encoding="utf-8")
    first = steps_of(text)[:5]
    with running_devices([{"name": "HUAWEI", "release": "ne40e-v800r012", "interfaces": []}]) as devices:
        console = Console(devices["HUAWEI"].open_link())
        console.do("system-view", *(step.command for step in first[:4]))
        answer = console.do(first[4].command).split("\n")
        assert console.prompt == first[4].prompt
    expected = [line for line in first[4].output if "server disable" not in line]
    assert [re.sub(r"cipher .*", "", line) for line in answer if "server disable" not in line] == [
        re.sub(r"cipher .*", "", line) for line in expected
    ]


def test_trial_of_the_manual(samples: pathlib.Path) -> None:
    text = (samples / "doc-ce6800-v300r023-abort-trial.txt").read_text(encoding="utf-8")
    first, second = text.split("\n\n\n")[:2]
    for part in (first, second):
        with running_devices([{"name": "HUAWEI", "interfaces": []}]) as devices:
            console = Console(devices["HUAWEI"].open_link())
            session = devices["HUAWEI"].call(lambda device: next(iter(device.sessions)))
            steps = [step for step in steps_of(part.replace("392", str(session))) if not step.command.endswith("?")]
            replay(console, steps, ignored=lambda step: step.command == "system-view")


def test_pager_bytes(samples: pathlib.Path) -> None:
    """What the device sends around a page is byte for byte the same."""
    from vrp_simulator.terminal import ERASE, MORE

    raw = (samples / "ce-raw-bytes-pager.bin").read_bytes()
    assert f"\r\n{MORE}{ERASE}100GE1/0/55".encode() in raw


def test_questions_and_errors_of_clients_test_data(samples: pathlib.Path) -> None:
    """Texts that clients expect are texts that the simulator prints."""
    from vrp_simulator.release import CARET_TEXTS
    from vrp_simulator.releases import RELEASES

    text = (samples / "ce-questions-errors-motd-collection.txt").read_text(encoding="utf-8")
    assert CARET_TEXTS["unrecognized"] in text
    assert RELEASES["ce-v200r005"].save.question in text
    assert RELEASES["ce-v300r023"].save.question.rpartition("\n")[2] in text
    for release in RELEASES.values():
        assert release.behaviour.permission_text in text
    errors = (samples / "vrp5plus-ar730-v300r024-save-and-errors.txt").read_text(encoding="utf-8")
    vrp5 = RELEASES["vrp5"]
    assert vrp5.carets["incomplete"] in errors and vrp5.carets["too-many"] in errors and vrp5.quit_text in errors
    for line in vrp5.save.done:
        assert line in errors
