# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices with odd SSH servers, each as public reports tell of one: what the task does, and what the user reads.

One play over all of them; each device is a case.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from harness import PASSWORD, Playbooks, Run, device, task

from vrp_simulator.testing import RunningDevices, running_devices

QUESTIONS = ["keyboard-interactive"]
ASKED = {"title": "User Authentication", "prompts": [{"text": "Enter password:"}]}
WRONG = "Wrong-Pass-9"


@dataclasses.dataclass(frozen=True)
class Case:
    """One device.

    ssh, faults: of the simulator
    variables: of the host
    known: the types of host key that the user knows, None for all
    says: what the message holds, () where the device is reached
    silent_of: what it must not hold
    answers: what the device was told, one tuple each
    """

    ssh: dict[str, Any] = dataclasses.field(default_factory=dict)
    faults: dict[str, Any] = dataclasses.field(default_factory=dict)
    variables: dict[str, Any] = dataclasses.field(default_factory=dict)
    known: tuple[str, ...] | None = None
    says: tuple[str, ...] = ()
    silent_of: tuple[str, ...] = ("legacy", "Exception")
    answers: tuple[tuple[str, ...], ...] = ((PASSWORD,),)


CASES = {
    "password_and_questions": Case({"methods": ["password", *QUESTIONS]}),
    "questions_only": Case({"methods": QUESTIONS, "rounds": [ASKED]}),
    "questions_and_words": Case({"methods": QUESTIONS, "rounds": [ASKED, {"instruction": "Welcome.", "prompts": []}]}),
    "new_password": Case(
        {
            "methods": QUESTIONS,
            "rounds": [
                ASKED,
                {"instruction": "The password has expired.", "prompts": [{"text": "New password:", "answer": "*"}]},
                {"prompts": [{"text": "Confirm password:", "answer": "*"}]},
            ],
        },
        says=("asks for more than the password", "The password has expired.", "New password:"),
    ),
    "token": Case(
        {"methods": QUESTIONS, "rounds": [ASKED, {"prompts": [{"text": "Token:", "answer": "123456"}]}]},
        says=("asks for more than the password", "Token:"),
    ),
    "token_first": Case(
        {"methods": QUESTIONS, "rounds": [{"prompts": [{"text": "Token:", "answer": "123456"}]}, ASKED]},
        says=("asks for more than the password", "Token:"),
        answers=(),
    ),
    "token_beside": Case(
        {"methods": QUESTIONS, "rounds": [{"prompts": [{"text": "Password:"}, {"text": "Token:", "answer": "1"}]}]},
        says=("asks for more than the password",),
        answers=(),
    ),
    "wrong_password": Case(variables={"ansible_password": WRONG}, says=("refused the login",), answers=((WRONG,),)),
    "wrong_answer": Case(
        {"methods": QUESTIONS, "rounds": [ASKED]},
        variables={"ansible_password": WRONG},
        says=("refused the login",),
        answers=((WRONG,),),
    ),
    "wrong_everywhere": Case(
        {"methods": ["password", *QUESTIONS]},
        variables={"ansible_password": WRONG},
        says=("refused the login",),
        answers=((WRONG,),),
    ),
    "newer_key_exchange": Case(
        {"key_exchanges": ["curve25519-sha256"]},
        says=("it offers curve25519-sha256.",),
        silent_of=("legacy", "paramiko <"),
        answers=(),
    ),
    "newer_cipher": Case(
        {"ciphers": ["chacha20-poly1305@openssh.com"]}, says=("it offers chacha20-poly1305@openssh.com.",), answers=()
    ),
    "old_mac": Case(
        {"ciphers": ["aes256-ctr"], "macs": ["hmac-sha1"]},
        says=("ansible_vrp_legacy_algorithms",),
        silent_of=(),
        answers=(),
    ),
    "old_version": Case({"identification": "SSH-1.5-VRP-3.1"}, says=("another version of SSH",), answers=()),
    "odd_identification": Case({"identification": "SSH-1.99-HUAWEI-1.5"}),
    "refused_channel": Case(faults={"refuse_channels": 1}, says=("opens no session", "VTY")),
    "flawed_nistp521": Case(
        {"host_keys": ["ecdsa-sha2-nistp521", "ssh-rsa"], "flawed_signatures": True},
        known=("ecdsa-sha2-nistp521",),
        says=("ecdsa-sha2-nistp521", "ssh-keyscan -p", "-t rsa"),
        answers=(),
    ),
    "flawed_nistp521_with_rsa_known": Case(
        {"host_keys": ["ecdsa-sha2-nistp521", "ssh-rsa"], "flawed_signatures": True}, known=("ssh-rsa",)
    ),
    "flawed_nistp521_without_checking": Case(
        {"host_keys": ["ecdsa-sha2-nistp521", "ssh-rsa"], "flawed_signatures": True},
        variables={"ansible_host_key_checking": False},
        known=(),
    ),
    "another_type_is_known": Case(
        {"host_keys": ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]},
        known=("ssh-rsa",),
    ),
    "unknown": Case(known=(), says=("is not known: ssh-ed25519 SHA256:", "ssh-keyscan -p "), answers=()),
}


@pytest.fixture(name="cases", scope="module")
def cases_fixture() -> Iterator[RunningDevices]:
    with running_devices(
        [device(name, "ce-v300r023", "100GE1/0/1", ssh=case.ssh, faults=case.faults) for name, case in CASES.items()]
    ) as devices:
        yield devices


@pytest.fixture(name="run", scope="module")
def run_fixture(cases: RunningDevices, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Run:
    playbooks = Playbooks(tmp_path_factory.mktemp("cases"), cases, pytestconfig.rootpath)
    known = "".join(cases[name].known_hosts(*(case.known or ())) for name, case in CASES.items() if case.known != ())
    pathlib.Path(playbooks.environment["HOME"], ".ssh", "known_hosts").write_text(known)
    playbooks.host_variables = {name: case.variables for name, case in CASES.items()}
    return playbooks.run([{**task(state="gathered"), "ignore_unreachable": True}])


@pytest.mark.parametrize("name", CASES)
def test_an_odd_device(name: str, cases: RunningDevices, run: Run) -> None:
    case, result = CASES[name], run.results[name]
    assert tuple(attempt.answers for attempt in cases[name].attempts() if attempt.answers) == case.answers
    if not case.says:
        assert result.get("gathered") is not None, result
        return
    assert result["unreachable"] is True
    for words in case.says:
        assert result["msg"].count(words) >= 1, result["msg"]
    for words in case.silent_of:
        assert words not in result["msg"]
    first = result["msg"].split(". ")[0]
    assert result["msg"].count(first) == 1


def test_no_noise(run: Run) -> None:
    for noise in ("Traceback", "errantly", "paramiko.", "Exception(", "[Errno", "None]", PASSWORD, WRONG):
        assert noise not in run.output
