# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of a play inside one task: what a task of its own would do for each, with sessions in threads.

Ansible starts a process for each host of a task, which costs more than to log in to a device and to read it. As with
Ansible's forks, what happens to one device does not stop the work on the others.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import mmap
import os
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import connection, get_context
from typing import Any, cast

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import connection_loader

from ..ntp.errors import UserError
from ..ntp.key_memory import KeyMemory
from .base import Work, scrubbed
from .before_fork import VRP_SSH
from .configure import NEW_MEMORY, UNMASKED_RESULTS, configure
from .key_memories import KeyMemories, Surroundings, device_name, facts_to_cache, recalled
from .key_memory_file import KeyMemoryFileError
from .private import HostVariables, connection_keywords, connection_variables
from .specification import FLEET_SETTINGS, VRP_NTP_MULTICAST
from .variables import options_from_variables
from .vrp_request import refuse_problems, warnings_about
from .words import Words

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
class Remembered:
    """What a file holds of keys: where new memories go, those of all devices, and why the file could not be read."""

    memories: KeyMemories
    devices: Mapping[str, Any]
    trouble: str = ""

    def warnings(self, outcome: Outcome) -> list[str]:
        """What to say of the place where memories are, with a device's outcome."""
        notice = self.memories.notice if outcome.get(NEW_MEMORY) or outcome.get("keys_not_compared") else ""
        return [text for text in (self.trouble, notice) if text]


@dataclass(frozen=True)
class Device:
    """One device and what to do with it.

    memory: what is remembered of its keys
    logins: its connection
    remembered, remembered_as: where new memories go, and its name there
    """

    name: str
    description: Description
    memory: Mapping[int, KeyMemory]
    logins: Any
    check: bool
    remembered: Remembered | None = None
    remembered_as: str = ""

    def outcome(self) -> Outcome:
        """Do it; a result as a task of its own would have it. Never raises."""
        secrets = self.description.secrets
        try:
            outcome = Work(self._configure, secrets, Words(variables=True)).result(UNMASKED_RESULTS)
        except AnsibleConnectionFailure as error:
            return scrubbed({"unreachable": True, "msg": str(error)}, secrets)
        except AnsibleError as error:
            return scrubbed({"failed": True, "msg": str(error)}, secrets)
        except Exception as error:
            return scrubbed({"failed": True, "msg": f"Unexpected {type(error).__name__}: {error}"}, secrets)
        finally:
            self.logins.close()
        return self._with_place(outcome)

    def _with_place(self, outcome: Outcome) -> Outcome:
        """The outcome with the place for what is new of the keys: facts, or a file and the device's name in it."""
        if self.remembered is None:
            return outcome
        outcome["warnings"] = [*outcome.get("warnings", []), *self.remembered.warnings(outcome)]
        new = outcome.pop(NEW_MEMORY, None)
        if new is None:
            return outcome
        if self.remembered.memories.in_facts:
            return {**outcome, **facts_to_cache(new)}
        return {**outcome, NEW_MEMORY: (str(self.remembered.memories.file.path), self.remembered_as, new)}

    def _configure(self) -> Outcome:
        options = self.description.options
        return configure(self.logins, options, self.memory, check=self.check, host=self.name)


class Fleet:
    """Makes devices from host names, each with the variables and the connection that a task of its own would have.

    Hosts whose variables cannot be read, that another connection reaches, or whose description is refused, are left
    out: their own task tells so. So are those that are not begun when the task's timeout is over.
    """

    def __init__(self, task: Any, play_context: Any, loader: Any) -> None:
        self.stop = StopSign()
        self._watch = OrphanWatch()
        self._play_context = play_context
        self._host_variables = HostVariables(task, loader)
        self._validator = ArgumentSpecValidator(**VRP_NTP_MULTICAST)
        self._connection_class = connection_loader.get(VRP_SSH, class_only=True)
        self._connection_variables = connection_variables(self._connection_class._load_name)
        self._keywords = connection_keywords(task, play_context)
        self._default_connection = task.connection
        self._check = bool(task.check_mode)
        self._settings = {name: value for name, value in task.args.items() if name in FLEET_SETTINGS}
        self._described: tuple[dict[str, Any], Description] | None = None
        self._surroundings = Surroundings.here()
        self._remembered: dict[str | None, Remembered] = {}

    def outcomes(self, hosts: Sequence[str], sessions: int, processes: int) -> Iterator[tuple[str, Outcome, list[str]]]:
        """Work on the hosts; each one's name, outcome and the warnings about its description, as soon as it is done.

        Args:
            hosts: names in the inventory.
            sessions: how many devices at a time.
            processes: how many processes share them; a process that dies leaves its hosts without an outcome.
        """
        # What Ansible has made so far outlives the task: the collector need not walk through it again for each device.
        gc.freeze()
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
                ended = self.stop.is_set() or self._watch.orphaned()
                for device in itertools.islice(waiting, 0 if ended else sessions - len(running)):
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
        variables, templar = self._host_variables.of(name)
        if templar.template(variables.get("ansible_connection", self._default_connection)) != VRP_SSH:
            return None
        arguments = {**options_from_variables(variables, templar), **self._settings, "from_variables": True}
        description = self._description(arguments)
        logins = self._connection(variables, templar)
        remembered = self._remembered_in(description.options["key_memory_file"])
        remembered_as = device_name(name, logins)
        memory = recalled(remembered.devices, remembered_as, variables.get("ansible_facts"))
        return Device(name, description, memory, logins, self._check, remembered, remembered_as)

    def _remembered_in(self, path: str | None) -> Remembered:
        """What is in a file with memories of keys, read once."""
        if path not in self._remembered:
            memories = KeyMemories.chosen(path, self._surroundings)
            devices, trouble = {}, ""
            try:
                devices = memories.file.read()
            except KeyMemoryFileError as error:
                trouble = str(error)
            self._remembered[path] = Remembered(memories, devices, trouble)
        return self._remembered[path]

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


class StopSign:
    """Says that no further device shall be begun, to this process and to those that it forks later."""

    def __init__(self) -> None:
        self._flag = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        """Whether it was raised."""
        return self._flag[0] != 0

    @contextlib.contextmanager
    def instead_of_timeout(self) -> Iterator[None]:
        """Within the context Ansible's timeout of the task raises the sign, where it would cut off a commit."""
        before = signal.signal(signal.SIGALRM, self._raise)
        try:
            yield
        finally:
            signal.signal(signal.SIGALRM, before)

    def _raise(self, _number: int, _frame: object) -> None:
        self._flag[0] = 1


def received(ends: list[connection.Connection]) -> Iterator[Any]:
    """What comes in at any of the ends, until all are closed."""
    while ends:
        for end in cast("list[connection.Connection]", connection.wait(ends)):
            try:
                yield end.recv()
            except EOFError:
                ends.remove(end)
