# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions and texts in the form of real devices and manuals, replayed against the simulator.

The project's own, and the collected ones where they are.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from fixtures.places import (
    COLLECTED_DEVICE_TEXTS,
    DEVICE_TEXTS,
    device_texts,
    folders_of_device_texts,
    name_of,
)

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


@dataclass(frozen=True)
class Recorded:
    """A session of an operator, the device that it began with, and what the configuration has to say after it."""

    session: pathlib.Path
    sysname: str
    startup: str
    there: tuple[str, ...]
    gone: str


OPERATORS = [
    Recorded(
        DEVICE_TEXTS / "session-ce-v200r005-commit-save.txt",
        "pod4-leaf2",
        "#\nbgp 64998\n router-id 192.0.2.42\n#\ninterface 100GE1/0/5\n undo portswitch\n ipv6 enable\n"
        " ipv6 address FE80::B7:1 link-local\n#\n",
        (" ipv6-family vpn-instance Lab\n  maximum load-balancing 4", " description spine-c4a 100ge1/0/9\n"),
        "B7:1",
    ),
    Recorded(
        COLLECTED_DEVICE_TEXTS / "ce-tor-session-deploy-commit-save.txt",
        "dc2-92s89",
        "#\nbgp 65002\n router-id 192.0.2.1\n#\ninterface 100GE1/0/1\n undo portswitch\n ipv6 enable\n"
        " ipv6 address FE80::E89:D1 link-local\n#\ninterface 100GE1/0/2\n undo portswitch\n ipv6 enable\n"
        " ipv6 address FE80::E89:D2 link-local\n#\n",
        (" ipv6-family vpn-instance Hbf\n  load-balancing as-path-relax", " description spine-90d1 100ge4/0/10\n"),
        "E89",
    ),
]


@pytest.mark.parametrize(
    "recorded", [one for one in OPERATORS if one.session.exists()], ids=lambda one: name_of(one.session)
)
def test_session_of_an_operator(recorded: Recorded) -> None:
    """Two-stage session of a CE switch: BGP, interfaces, commit, save."""
    steps = steps_of(recorded.session.read_text(encoding="utf-8"))
    device = {
        "name": "D",
        "sysname": recorded.sysname,
        "release": "ce-v200r005",
        "startup_configuration": recorded.startup,
        "interfaces": [],
    }
    with running_devices([device]) as devices:
        console = Console(devices["D"].open_link())
        # The device asked before `undo bgp` and printed both forms of a commit in one session (fact 3.2).
        unasked = [Step(step.prompt, step.command) if step.command == "undo bgp" else step for step in steps]
        replay(console, unasked, ignored=lambda step: step.command in ("undo bgp", "commit"))
        text = devices["D"].running_configuration()
    assert all(part in text for part in recorded.there)
    assert recorded.gone not in text


@pytest.mark.parametrize(
    ("path", "port", "description"),
    [
        case
        for case in (
            (DEVICE_TEXTS / "session-ce-v200r005-candidate-trial-rollback.txt", "10GE0/0/21", "spare-port"),
            (COLLECTED_DEVICE_TEXTS / "ce-two-stage-cheatsheet-session.txt", "10GE0/0/38", "default-config"),
        )
        if case[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_sheet_of_two_stage_commands(path: pathlib.Path, port: str, description: str) -> None:
    """Diff, trial, abort and save as a device prints them."""
    steps = steps_of(path.read_text(encoding="utf-8"))
    device = {
        "name": "D",
        "release": "ce-v200r005",
        "behaviour": {"commit_output": "silent"},
        "startup_configuration": f"#\nsysname HUAWEI\n#\ninterface {port}\n shutdown\n description {description}\n#\n",
        "interfaces": [],
    }
    with running_devices([device]) as devices:
        console = Console(devices["D"].open_link())
        console.do("system-view")
        # The `display this` of this release has no closing `#` and `return`, and another order of two lines.
        replay(console, list(steps[:4]), ignored=lambda step: step.command.startswith("display this"))
        console.do("clear configuration candidate", "sysname HUAWEI2", "undo sysname")
        replay(console, [Step("[*HUAWEI]", steps[5].command, steps[5].output), *steps[6:9]], _is_save)
        assert console.prompt == "<HUAWEI>"


def _is_save(step: Step) -> bool:
    return step.command == "save"  # the number of dots and the slot differ from device to device


@pytest.mark.parametrize(
    ("path", "release", "version"),
    [
        (path, release, version)
        for release, version, names in (
            ("ce-v300r023", "V300R023C00", ("current-ce6800-v300r023.txt",)),
            ("ne40e-v800r012", "V800R012C10", ("current-ne40e-v800r012.txt",)),
            (
                "ce-v200r005",
                "V200R005C10SPC800",
                ("current-ce6800-v200r005.txt", "ce6880-v200r005c10-display-current-configuration.txt"),
            ),
            (
                "s-v600",
                "V600R023C00SPC500",
                ("current-s-v600r023.txt", "s5735-v600r023c00-display-current-configuration.txt"),
            ),
        )
        for path in device_texts(*names)
    ],
)
def test_a_whole_configuration_is_printed_back(path: pathlib.Path, release: str, version: str) -> None:
    text = path.read_text(encoding="utf-8")
    expected = text[text.index("\n#\n") : text.rindex("return\n") + len("return\n")]
    device = {"name": "D", "release": release, "startup_configuration": expected, "interfaces": []}
    with running_devices([device]) as devices:
        shown = devices["D"].running_configuration()
    assert shown.startswith(f"!Software Version {version}\n")
    # An empty block (fact 2.1) is not kept.
    assert shown[shown.index("\n#\n") :].splitlines() == re.sub(r"\n#\n#\n", "\n#\n", expected).splitlines()


CE_EXAMPLES = (
    ("example-ce-v300r023-multicast.txt", "25GE1/0/3"),
    ("example-ce-v300r023-keys.txt", "100GE1/0/7"),
    ("example-ce-v300r023-manycast.txt", "10GE1/0/2"),
    ("doc-ce6800-v300r023-multicast-example.txt", "100GE1/0/1"),
    ("doc-ce6800-v300r023-client-server-auth-example.txt", "100GE1/0/1"),
    ("doc-ce6800-v300r023-manycast-example.txt", "100GE1/0/1"),
)
NE_EXAMPLES = (
    ("example-ne40e-v800r012-keys.txt", "GigabitEthernet0/2/1"),
    ("example-ne40e-v800r012-broadcast.txt", "GigabitEthernet0/3/0"),
    ("example-ne40e-v800r012-multicast.txt", "GigabitEthernet0/1/2"),
    ("example-ne40e-v800r012-peers.txt", "GigabitEthernet0/1/4"),
    ("doc-ne40e-v800r012-client-server-auth-example.txt", "GigabitEthernet0/1/0"),
    ("doc-ne40e-v800r012-broadcast-auth-example.txt", "GigabitEthernet0/1/0"),
    ("doc-ne40e-v800r012-peer-example.txt", "GigabitEthernet0/1/0"),
)
EXAMPLES = [
    (folder / name, release, port)
    for release, examples in (("ce-v300r023", CE_EXAMPLES), ("ne40e-v800r012", NE_EXAMPLES))
    for name, port in examples
    for folder in folders_of_device_texts()
    if (folder / name).exists()
]


@pytest.mark.parametrize(("path", "release", "port"), EXAMPLES)
def test_what_is_typed_in_an_example_leads_to_its_file(path: pathlib.Path, release: str, port: str) -> None:
    """Type what the example types on each device; its NTP lines are then those of the example's file.

    Manuals leave the automatic lines out and print keys as asterisks.
    """
    text = path.read_text(encoding="utf-8")
    typed: dict[str, list[str]] = {}
    name = ""
    for step in steps_of(text):
        prompt = re.sub(r"[\[\]<>~*]", "", step.prompt).partition("-")[0]
        name = step.command.partition(" ")[2] if step.command.startswith("sysname ") else prompt
        if name != "HUAWEI" and not step.command.startswith("display"):
            typed.setdefault(name, []).append(step.command.replace("********", "Secret-Key-2026!"))
            if any(ANSWERED.match(line) for line in step.output):
                typed[name].append("y")
    assert len(typed) >= 2
    for name, lines in typed.items():
        entry = {"name": name, "release": release, "interfaces": [{"name": port, "layer2": False}]}
        with running_devices([entry]) as devices:
            console = Console(devices[name].open_link())
            console.do("system-view", *(line for line in lines if line not in ("system-view", f"sysname {name}")))
            shown = _ntp_lines(devices[name].running_configuration())
        # The manual's file does not have the line that the manual types.
        left_out = {"ntp refclock-master 2"} if path.name == "doc-ce6800-v300r023-manycast-example.txt" else set()
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


@pytest.mark.parametrize(
    "path",
    device_texts("include-ntp-ne40e-v800r012.txt", "doc-ne40e-v800r012-hardening-display-include-ntp.txt"),
    ids=name_of,
)
def test_a_filtered_display(path: pathlib.Path) -> None:
    """`display current-configuration | include ntp` of NE, with the `#` lines around (fact 2.4)."""
    first = steps_of(path.read_text(encoding="utf-8"))[:5]
    name = first[0].prompt.strip("[~]")
    with running_devices([{"name": name, "release": "ne40e-v800r012", "interfaces": []}]) as devices:
        console = Console(devices[name].open_link())
        console.do("system-view", *(step.command for step in first[:4]))
        answer = console.do(first[4].command).split("\n")
        assert console.prompt == first[4].prompt
    expected = [line for line in first[4].output if "server disable" not in line]
    assert [re.sub(r"cipher .*", "", line) for line in answer if "server disable" not in line] == [
        re.sub(r"cipher .*", "", line) for line in expected
    ]


@pytest.mark.parametrize(
    ("path", "session_id"),
    [
        case
        for case in (
            (DEVICE_TEXTS / "session-ce-v300r023-trial.txt", "407"),
            (COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-abort-trial.txt", "392"),
        )
        if case[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_a_trial_and_its_end(path: pathlib.Path, session_id: str) -> None:
    first, second = path.read_text(encoding="utf-8").split("\n\n\n")[:2]
    for part in (first, second):
        with running_devices([{"name": "HUAWEI", "interfaces": []}]) as devices:
            console = Console(devices["HUAWEI"].open_link())
            session = devices["HUAWEI"].call(lambda device: next(iter(device.sessions)))
            steps = [
                step for step in steps_of(part.replace(session_id, str(session))) if not step.command.endswith("?")
            ]
            replay(console, steps, ignored=lambda step: step.command == "system-view")


@pytest.mark.parametrize(
    ("path", "port"),
    [
        case
        for case in (
            (DEVICE_TEXTS / "page-break.bin", "100GE1/0/41"),
            (COLLECTED_DEVICE_TEXTS / "ce-raw-bytes-pager.bin", "100GE1/0/55"),
        )
        if case[0].exists()
    ],
    ids=["own", "collected"][: len(folders_of_device_texts())],
)
def test_pager_bytes(path: pathlib.Path, port: str) -> None:
    """What the device sends around a page is byte for byte the same."""
    from vrp_simulator.terminal import ERASE, MORE

    assert f"\r\n{MORE}{ERASE}{port}".encode() in path.read_bytes()


@pytest.mark.parametrize(
    "path", device_texts("questions-and-errors.txt", "ce-questions-errors-motd-collection.txt"), ids=name_of
)
def test_questions_and_refusals(path: pathlib.Path) -> None:
    """Texts that clients expect are texts that the simulator prints."""
    from vrp_simulator.release import CARET_TEXTS
    from vrp_simulator.releases import RELEASES

    text = path.read_text(encoding="utf-8")
    assert CARET_TEXTS["unrecognized"] in text
    assert RELEASES["ce-v200r005"].save.question in text
    assert RELEASES["ce-v300r023"].save.question.rpartition("\n")[2] in text
    for release in RELEASES.values():
        assert release.behaviour.permission_text in text


@pytest.mark.parametrize(
    "path",
    device_texts("save-and-errors-ar-v300r024.txt", "vrp5plus-ar730-v300r024-save-and-errors.txt"),
    ids=name_of,
)
def test_texts_of_a_single_stage_device(path: pathlib.Path) -> None:
    from vrp_simulator.releases import RELEASES

    errors = path.read_text(encoding="utf-8")
    vrp5 = RELEASES["vrp5"]
    assert vrp5.carets["incomplete"] in errors and vrp5.carets["too-many"] in errors and vrp5.quit_text in errors
    for line in vrp5.save.done:
        assert line in errors
