# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an operator may read what is wrong: the log, the status for people and for machines, the module, verify."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import yaml
from integration.engine.process import EngineProcess, wait_for

from ansible_collections.timecast.ntp_multicast.plugins.filter.synchronisation_report import synchronisation_report
from ansible_collections.timecast.ntp_multicast.plugins.modules import ntp_multicast_engine_info


class Module:
    """What the module needs of AnsibleModule, on a host whose command is this source."""

    def __init__(self, engine: EngineProcess) -> None:
        self._engine = engine
        options = yaml.safe_load(ntp_multicast_engine_info.DOCUMENTATION)["options"]
        defaults = {name: option.get("default") for name, option in options.items()}
        self.params: dict[str, Any] = {
            **defaults,
            "command": "ntp-multicast-engine",
            "config": str(engine.configuration),
        }

    def run_command(self, command: list[str], **_unused: object) -> tuple[int, str, str]:
        done: subprocess.CompletedProcess[str] = self._engine.ask("status", "--json")
        assert command[0] == "ntp-multicast-engine"
        return done.returncode, done.stdout, done.stderr


def module_result(engine: EngineProcess) -> dict[str, Any]:
    module = Module(engine)
    document, reason = ntp_multicast_engine_info.look(module)
    assert document is not None, reason
    result: dict[str, Any] = ntp_multicast_engine_info.result_of(module, document)
    return result


def problem(engine: EngineProcess, code: str) -> dict[str, Any]:
    """Wait for it."""

    def look() -> dict[str, Any] | None:
        return next((item for item in engine.status()["problems"] if item["code"] == code), None)

    try:
        found = wait_for(look, f"the problem {code}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{json.dumps(engine.status(), indent=1)}\n{engine.log()}") from None
    assert isinstance(found, dict)
    return found


def told_everywhere(engine: EngineProcess, code: str, *words: str) -> None:
    """The sentence, with these words, in all five places; its numbers may have grown from one to the next."""
    found = problem(engine, code)
    assert found["advice"] and found["subject"]
    wait_for(lambda: f"event=problem code={code} " in engine.log(), f"a line about {code} in the log")
    status = engine.ask("status").stdout
    result = module_result(engine)
    report = synchronisation_report({"host": result})
    of_module = next(item["sentence"] for item in result["problems"] if item["code"] == code)
    lines = [line for line in engine.log().splitlines() if f"event=problem code={code} " in line]
    for word in words:
        assert word in found["sentence"], found
        assert any(word in line for line in lines), lines
        assert word in status, status
        assert word in of_module
        assert any(word in line for line in report["lines"]), report["lines"]
    assert (report["unsynchronised"] == []) == result["clock"]["in_order"]
    for place in (found["sentence"], found["advice"], *lines):
        assert "<" not in place and "object at" not in place and "(interface=" not in place, place
