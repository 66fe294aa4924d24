# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of a play inside one task: what a task of its own would do for each, with sessions in threads.

Ansible starts a process for each host of a task, which costs more than to log in to a device and to read it. As with
Ansible's forks, what happens to one device does not stop the work on the others.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import Any, cast

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ..ntp.errors import UserError
from .base import outcome_of, scrubbed
from .before_fork import VRP_SSH
from .configure import UNMASKED_RESULTS, configure
from .specification import FLEET_SETTINGS, VRP_NTP_MULTICAST
from .variables import options_from_variables
from .vrp_request import refuse_problems, warnings_about

Outcome = dict[str, Any]
# Nobody reads it. It is short, because a long result would wait for ever in a pipe without a reader.
ORPHANED = "Ansible ended before this task."


@dataclass(frozen=True)
class Description:
    """Validated options of the module, the secrets in them, and what is to be warned of."""

    options: dict[str, Any]
    secrets: set[str]
    warnings: list[str]


@dataclass(frozen=True)
class Device:
    """One device and what to do with it. facts: those of the host, or None. logins: its connection."""

    name: str
    description: Description
    facts: object
    logins: Any
    check: bool

    def outcome(self) -> Outcome:
        """Do it; a result as a task of its own would have it. Never raises."""
        secrets = self.description.secrets
        try:
            return outcome_of(self._configure, secrets, UNMASKED_RESULTS)
        except AnsibleConnectionFailure as error:
            return scrubbed({"unreachable": True, "msg": str(error)}, secrets)
        except AnsibleError as error:
            return scrubbed({"failed": True, "msg": str(error)}, secrets)
        except Exception as error:
            return scrubbed({"failed": True, "msg": f"Unexpected {type(error).__name__}: {error}"}, secrets)
        finally:
            self.logins.close()

    def _configure(self) -> Outcome:
        return configure(self.logins, self.description.options, self.facts, check=self.check, host=self.name)


class Fleet:
    """Makes devices from host names, each with the variables and the connection that a task of its own would have.

    Hosts whose variables cannot be read, that another connection reaches, or whose description is refused, are left
    out: their own task tells so.
    """

    def __init__(self, task: Any, play_context: Any, loader: Any) -> None:
        self._watch = OrphanWatch()
        self._task = task
        self._play_context = play_context
        self._loader = loader
        self._variable_manager = task.get_variable_manager()
        self._validator = ArgumentSpecValidator(**VRP_NTP_MULTICAST)
        self._connection_class = connection_loader.get(VRP_SSH, class_only=True)
        self._connection_variables = constants.config.get_plugin_vars("connection", self._connection_class._load_name)
        self._keywords = keywords(task, play_context)
        self._settings = {name: value for name, value in task.args.items() if name in FLEET_SETTINGS}
        self._described: tuple[dict[str, Any], Description] | None = None

    def outcomes(self, hosts: Sequence[str], sessions: int, processes: int) -> Iterator[tuple[str, Outcome, list[str]]]:
        """Work on the hosts; each one's name, outcome and the warnings about its description, as soon as it is done.

        Args:
            hosts: names in the inventory.
            sessions: how many devices at a time.
            processes: how many processes share them; a process that dies leaves its hosts without an outcome.
        """
        if processes <= 1:
            yield from self._in_threads(hosts, sessions)
            return
        forks = get_context("fork")
        ends: list[connection.Connection] = []
        for number in range(processes):
            receiver, sender = forks.Pipe(duplex=False)
            part = hosts[number::processes]
            ends.append(receiver)
            process = forks.Process(target=self._send_all, args=(part, -(-sessions // processes), sender, ends))
            process.start()
            sender.close()
        for told in received(ends):
            yield told
            if self._watch.orphaned():
                for end in ends:
                    end.close()
                raise AnsibleError(ORPHANED)

    def _send_all(
        self,
        hosts: Sequence[str],
        sessions: int,
        sender: connection.Connection,
        others: Iterable[connection.Connection],
    ) -> None:
        for end in others:  # inherited; as long as any process holds one, nobody notices that its reader is gone
            end.close()
        with contextlib.suppress(OSError, AnsibleError):  # nobody is left to be told
            for told in self._in_threads(hosts, sessions):
                sender.send(told)
        sender.close()

    def _in_threads(self, hosts: Sequence[str], sessions: int) -> Iterator[tuple[str, Outcome, list[str]]]:
        waiting = self._devices(hosts)
        with ThreadPoolExecutor(max_workers=sessions, thread_name_prefix="device") as pool:
            running: dict[Future[Outcome], Device] = {}
            while True:
                for device in itertools.islice(waiting, 0 if self._watch.orphaned() else sessions - len(running)):
                    running[pool.submit(device.outcome)] = device
                if not running:
                    if self._watch.orphaned():
                        raise AnsibleError(ORPHANED)
                    return
                done, _unused = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    device = running.pop(future)
                    yield device.name, future.result(), device.description.warnings

    def _devices(self, hosts: Iterable[str]) -> Iterator[Device]:
        for host in hosts:
            try:
                device = self._device(host)
            except Exception:
                continue
            if device is not None:
                yield device

    def _device(self, name: str) -> Device | None:
        host = self._variable_manager._inventory.get_host(name)
        variables = self._variable_manager.get_vars(
            play=self._task.get_play(), host=host, task=self._task, include_hostvars=False
        )
        templar = Templar(loader=self._loader, variables=variables)
        if templar.template(variables.get("ansible_connection", self._task.connection)) != VRP_SSH:
            return None
        description = self._description({**options_from_variables(variables, templar), **self._settings})
        logins = self._connection(variables, templar)
        return Device(name, description, variables.get("ansible_facts"), logins, bool(self._task.check_mode))

    def _description(self, arguments: dict[str, Any]) -> Description:
        """A fleet has one description, mostly: what is the same is validated once."""
        if self._described is None or self._described[0] != arguments:
            validation = self._validator.validate(arguments)
            if validation.error_messages:
                raise UserError(". ".join(validation.error_messages))
            options = validation.validated_parameters
            refuse_problems(options)
            self._described = arguments, Description(options, validation._no_log_values, warnings_about(options))
        return self._described[1]

    def _connection(self, variables: Mapping[str, Any], templar: Any) -> Any:
        """What Ansible's task executor does before it runs an action."""
        made = self._connection_class(self._play_context, None)
        names = self._connection_variables
        values = {name: templar.template(variables[name]) for name in names if name in variables}
        made.set_options(task_keys=self._keywords, var_options=values)
        return made


class OrphanWatch:
    """Tells whether the Ansible that this process works for is gone.

    An Ansible that was killed leaves its workers behind. One that has many devices before it must begin no further one;
    those that it works on come to their end, so that none is left half-way.
    """

    def __init__(self) -> None:
        self._controller = os.getppid()
        self._worker = os.getpid()

    def orphaned(self) -> bool:
        """Asked in the worker or in a process that it has forked."""
        if os.getpid() == self._worker:
            return os.getppid() != self._controller
        if os.getppid() != self._worker:
            return True
        try:
            os.kill(self._controller, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it runs as another user, so it runs
        return False


def keywords(task: Any, play_context: Any) -> dict[str, Any]:
    """The keywords of the task and of the command line that options of a connection can come from."""
    found: dict[str, Any] = task.dump_attrs()
    found["timeout"] = play_context.timeout
    if play_context.password:
        found["password"] = play_context.password
    found.pop("retries", None)
    return found


def received(ends: list[connection.Connection]) -> Iterator[Any]:
    """What comes in at any of the ends, until all are closed."""
    while ends:
        for end in cast("list[connection.Connection]", connection.wait(ends)):
            try:
                yield end.recv()
            except EOFError:
                ends.remove(end)
