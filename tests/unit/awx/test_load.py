# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/awx/load.yml is run by ansible-playbook; what stands for the modules of awx.awx takes down what it is given."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "docs" / "awx"
VARIABLES = {
    f"ntp_multicast_awx_{name}": f"Mine-{name}"
    for name in (
        "repository",
        "image",
        "device_user",
        "device_password",
        "linux_user",
        "linux_ssh_key",
        "key_secret",
        "notification_url",
    )
}
SECRET = re.compile(r"Mine-(device_password|linux_ssh_key|key_secret|notification_url)")
STAND_IN = """
import json, os
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        with open(os.environ["TAKEN_DOWN"], "a") as file:
            file.write(json.dumps([self._task.action, dict(self._task.args)], default=str) + "\\n")
        return {"changed": True}
"""


def run(directory: pathlib.Path, variables: dict[str, Any]) -> tuple[int, str, list[tuple[str, dict[str, Any]]]]:
    """The exit code of the playbook, what it printed, and what the modules were given."""
    actions = directory / "ansible_collections" / "awx" / "awx" / "plugins" / "action"
    actions.mkdir(parents=True)
    for task in yaml.safe_load((FOLDER / "load.yml").read_text(encoding="utf-8"))[0]["tasks"]:
        for key in task:
            if key.startswith("awx.awx."):
                (actions / f"{key.rpartition('.')[2]}.py").write_text(STAND_IN, encoding="utf-8")
    mine, taken = directory / "mine.yml", directory / "taken"
    mine.write_text(yaml.safe_dump(variables), encoding="utf-8")
    done = subprocess.run(
        [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), FOLDER / "load.yml", "-e", f"@{mine}"],
        env={
            **os.environ,
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_COLLECTIONS_PATH": str(directory),
            "TAKEN_DOWN": str(taken),
            "LC_ALL": "C.UTF-8",
        },
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    lines = taken.read_text(encoding="utf-8").splitlines() if taken.exists() else []
    return done.returncode, done.stdout, [tuple(json.loads(line)) for line in lines]


def test_all_is_loaded_and_no_secret_is_printed(tmp_path: pathlib.Path) -> None:
    code, printed, taken = run(tmp_path, VARIABLES)
    assert code == 0, printed
    given = json.dumps(taken)
    assert all(value in given for value in VARIABLES.values())
    assert not SECRET.search(printed)


@pytest.mark.parametrize("empty", [False, True])
def test_what_is_missing_is_named_before_anything_is_loaded(tmp_path: pathlib.Path, empty: bool) -> None:
    missing = ["ntp_multicast_awx_device_password", "ntp_multicast_awx_key_secret"]
    variables: dict[str, Any] = {name: value for name, value in VARIABLES.items() if name not in missing}
    code, printed, taken = run(tmp_path, {**variables, **(dict.fromkeys(missing, "") if empty else {})})
    assert (code, taken) == (2, []), printed
    assert f"Nothing was loaded. Set {', '.join(missing)}" in " ".join(printed.split())
    assert not SECRET.search(printed)
