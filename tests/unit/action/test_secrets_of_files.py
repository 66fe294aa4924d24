# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of ntp_multicast_engine_files never stand in a temporary file: where they would, the task is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.playbook.play_context import PlayContext
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.timecast.ntp_multicast.plugins.action.ntp_multicast_engine_files import ActionModule


@pytest.fixture(name="run")
def run_fixture(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the action with a become method and see whether it got as far as the module."""
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    monkeypatch.setattr(ActionBase, "_execute_module", lambda self, **options: {"sent": options["module_args"]})

    def run(method: str, pipelining: bool = True, **arguments: Any) -> dict[str, Any]:
        connection = connection_loader.get("ssh", PlayContext(), "/dev/null")
        connection.set_options(direct={"pipelining": pipelining})
        connection.set_become_plugin(become_loader.get(method))
        task = SimpleNamespace(args={"path": "/etc/x", **arguments}, async_val=0, check_mode=False, diff=False)
        action = ActionModule(task, connection, PlayContext(), loader=None, templar=None, shared_loader_obj=None)
        return action.run(task_vars={})

    return run


def test_with_pipelining_secrets_are_sent(run: Any) -> None:
    assert run("sudo", secrets={"keys": "x"})["sent"]["secrets"] == {"keys": "x"}


@pytest.mark.parametrize(
    ("method", "pipelining", "why"), [("su", True, "become_method su"), ("sudo", False, "pipelining")]
)
def test_secrets_that_would_stand_in_a_file_are_refused(run: Any, method: str, pipelining: bool, why: str) -> None:
    with pytest.raises(AnsibleActionFail, match=why) as raised:
        run(method, pipelining, secrets={"keys": "Walnut-7-Lamp"})
    assert "Walnut" not in str(raised.value) and "become_method sudo" in str(raised.value)


def test_without_secrets_su_is_as_good(run: Any) -> None:
    assert run("su", files={"engine.json": "{}"})["sent"]["files"] == {"engine.json": "{}"}
    assert run("su", secrets={})["sent"]["secrets"] == {}
