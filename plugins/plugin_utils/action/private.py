# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection uses of Ansible that Ansible does not promise to keep. It stands here alone, so that a new
release of ansible-core is tried against one file:

- `Task.get_variable_manager`, its `get_vars`, `set_host_facts` and the inventory behind it: the variables of a host
  that is not the task's, and a fact that outlives a task for another host.
- `Templar(loader, variables)`: a template of such a host.
- `constants.config.get_plugin_vars` and `Task.dump_attrs`: what Ansible's task executor hands to a connection.
- `load_extra_vars`: the variables of the command line alone.
- `InventoryManager` without a source: which hosts a pattern names within the limit of the command line.
- `ansible_pos`, and the tag `Origin` from ansible-core 2.19 on: the file and line from which a variable comes.
- `ActionBase._is_pipelining_enabled`: whether the arguments of a module stand in no file.
- `TaskTimeoutError`: how Ansible ends a task whose `timeout` is over.

Each is tried in every lane of ansible-core by tests/unit/action/test_private.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.executor import task_executor
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.vars import load_extra_vars


class HostVariables:
    """The variables of hosts that are not the task's own, each as a task of its own would have them."""

    def __init__(self, task: Any, loader: Any) -> None:
        self._task = task
        self._loader = loader
        self._manager = task.get_variable_manager()

    def of(self, name: str) -> tuple[Mapping[str, Any], Any]:
        """The variables of a host with their templates, and what resolves these."""
        host = self._manager._inventory.get_host(name)
        variables = self._manager.get_vars(
            play=self._task.get_play(), host=host, task=self._task, include_hostvars=False
        )
        return variables, Templar(loader=self._loader, variables=variables)

    def keep_facts(self, name: str, facts: Mapping[str, Any]) -> None:
        """Put facts into the cache of facts."""
        self._manager.set_host_facts(name, dict(facts))


def connection_variables(name: str) -> Sequence[str]:
    """The names of all variables that options of a connection plugin can come from."""
    found: Sequence[str] = constants.config.get_plugin_vars("connection", name)
    return found


def connection_keywords(task: Any, play_context: Any) -> dict[str, Any]:
    """The keywords of the task and of the command line that options of a connection can come from."""
    found: dict[str, Any] = task.dump_attrs()
    found["timeout"] = play_context.timeout
    if play_context.password:
        found["password"] = play_context.password
    found.pop("retries", None)
    return found


def extra_variables() -> frozenset[str]:
    """The names of the variables that the command line gives."""
    return frozenset(map(str, load_extra_vars(DataLoader())))


def hosts_of_pattern(groups: Mapping[str, Sequence[str]], pattern: str, limit: str | None) -> list[str]:
    """The names of the hosts that a pattern names, within the limit of the command line."""
    inventory = _inventory_of(groups)
    inventory.subset(limit)
    return [str(host.name) for host in inventory.get_hosts(pattern)]


def _inventory_of(groups: Mapping[str, Sequence[str]]) -> Any:
    inventory = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group=group)
    return inventory


_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def misread_hosts(groups: Mapping[str, Sequence[str]], hosts: Iterable[str]) -> list[str]:
    """Those of the hosts whose names Ansible takes for something else in the list of a play's hosts: a name with a
    blank or a comma is two patterns, one that begins with an exclamation mark leaves hosts out."""
    odd = [name for name in hosts if not _PLAIN_NAME.fullmatch(name)]
    if not odd:
        return []
    inventory = _inventory_of(groups)
    return [name for name in odd if [str(host.name) for host in inventory.get_hosts([name])] != [name]]


def timeout_error() -> type[BaseException]:
    """What is raised in a task whose `timeout` is over; no Exception, so that nothing catches it by accident."""
    known = getattr(task_executor, "TaskTimeoutError", None)  # up to ansible-core 2.18
    if known is None:
        known = task_executor._task_timeout.TaskTimeoutError
    error: type[BaseException] = known
    return error


TIMEOUT_ERROR = timeout_error()


def arguments_stay_in_memory(action: Any) -> bool:
    """Whether Ansible hands a module its arguments without a temporary file."""
    return bool(action._is_pipelining_enabled("new"))


def origin_of(value: Any) -> tuple[str, int | None] | None:
    """The file and the line from which the value of a variable comes, where Ansible knows them."""
    position = getattr(value, "ansible_pos", None)  # up to ansible-core 2.18
    if position is not None:
        return str(position[0]), int(position[1])
    try:
        from ansible._internal._datatag._tags import Origin
    except ImportError:
        return None
    origin = Origin.get_tag(value)
    if origin is None or not origin.path:
        return None
    return str(origin.path), origin.line_num
