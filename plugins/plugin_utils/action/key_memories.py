# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what is remembered of keys is kept: in the fact cache where that outlives the run, else in a file.

Both are read, whichever is written: a memory helps only while the device still shows the very ciphertext that it was
made from, so that an old one can do no harm.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.release import __version__ as CORE_VERSION

from ..ntp.key_memory import DeviceMemory, memory_from_facts
from .configure import NEW_MEMORY
from .key_memory_file import KeyMemoryFile, KeyMemoryFileError

FACT = "ntp_multicast_key_memory"
DEFAULT_NAME = "ntp_multicast_key_memory.json"
_NOT_KEPT = ("memory", "ansible.builtin.memory", "ansible.legacy.memory")
_JSON_FILES = ("jsonfile", "ansible.builtin.jsonfile", "ansible.legacy.jsonfile")


@dataclass(frozen=True)
class Surroundings:
    """What decides where memories are kept.

    cache_plugin, cache_path: of the fact cache
    controller: whether an automation controller (AWX) runs this
    run_folder: the folder of ansible-runner for this run alone, "" without one
    core: release of ansible-core
    """

    cache_plugin: str
    cache_path: str = ""
    controller: bool = False
    run_folder: str = ""
    core: tuple[int, ...] = (2, 16)

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        return cls(
            cache_plugin=str(constants.CACHE_PLUGIN),
            cache_path=str(constants.CACHE_PLUGIN_CONNECTION or ""),
            # What AWX sets for each of its jobs, and ansible-runner for each of its runs.
            controller=bool(os.environ.get("AWX_PRIVATE_DATA_DIR")),
            run_folder=os.environ.get("AWX_ISOLATED_DATA_DIR", ""),
            core=tuple(int(number) for number in CORE_VERSION.split(".")[:2]),
        )

    @property
    def facts_are_kept(self) -> bool:
        """Whether a cached fact is there in the next run."""
        if self.cache_plugin in _NOT_KEPT or self.controller_loses_facts:
            return False
        return self.controller or not self._cache_ends_with_the_run

    @property
    def controller_loses_facts(self) -> bool:
        """ansible-core 2.19 and newer write the facts of HOST as s1_HOST, and a controller looks for HOST
        (ansible issues 85874 and 86028, ansible-runner issue 1441)."""
        return self.controller and self.cache_plugin in _JSON_FILES and self.core >= (2, 19)

    @property
    def _cache_ends_with_the_run(self) -> bool:
        if not self.run_folder or not self.cache_path:
            return False
        return Path(self.cache_path).is_relative_to(self.run_folder)


@dataclass(frozen=True)
class KeyMemories:
    """The memories of a run. in_facts: whether new ones are written into the fact cache, else into the file."""

    file: KeyMemoryFile
    in_facts: bool
    notice: str = ""

    @classmethod
    def chosen(cls, path: str | None, surroundings: Surroundings, *, delegated: bool = False) -> KeyMemories:
        """As the user and the surroundings want it.

        Args:
            path: the file that the user asks for; None or "" for the fact cache or the file in Ansible's home.
            delegated: a fact would be remembered for the host that delegates, not for the device.
        """
        home = str(constants.config.get_config_value("ANSIBLE_HOME"))
        file = KeyMemoryFile(Path(os.path.abspath(path or os.path.join(home, DEFAULT_NAME))))
        in_facts = not path and surroundings.facts_are_kept and not delegated
        return cls(file, in_facts, "" if path or in_facts else lost_with_the_job(surroundings))


@dataclass
class Memory:
    """What is remembered of one device's keys during its task. troubles: warnings about the file."""

    memories: KeyMemories
    device: str
    known: DeviceMemory
    troubles: list[str]

    @classmethod
    def of(cls, memories: KeyMemories, device: str, facts: object) -> Memory:
        """That of a device; a file that can't be read is a trouble, and no reason not to work."""
        try:
            return cls(memories, device, recalled(memories.file.read(), device, facts), [])
        except KeyMemoryFileError as error:
            return cls(memories, device, recalled({}, device, facts), [str(error)])

    def kept(self, result: dict[str, Any]) -> dict[str, Any]:
        """The result of the task after what is new in it was kept where memories of this run are kept."""
        new = result.pop(NEW_MEMORY, None)
        if new is not None and self.memories.in_facts:
            result.update(facts_to_cache(new))
        elif new is not None:
            self.troubles += not_written(self.memories.file, {self.device: new})
        notice = [self.memories.notice] if self.memories.notice and (new or result.get("keys_not_compared")) else []
        result["warnings"] = [*result.get("warnings", []), *self.troubles, *notice]
        return result


def facts_to_cache(new: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a result that puts a memory into the fact cache."""
    return {"ansible_facts": {FACT: new}, "_ansible_facts_cacheable": True}


def recalled(devices: Mapping[str, Any], device: str, facts: object) -> DeviceMemory:
    """What is remembered of the keys of one device, in the file and in its facts."""
    fact = facts.get(FACT) if isinstance(facts, Mapping) else None
    return memory_from_facts(devices.get(device)).updated(memory_from_facts(fact))


def lost_with_the_job(surroundings: Surroundings) -> str:
    """The sentence for a job of a controller whose memory ends with it; "" where there is none to say."""
    if not surroundings.controller:
        return ""
    why = (
        "ansible-core 2.19 and newer write the fact cache under names that the controller does not read"
        if surroundings.controller_loses_facts
        else "the job has no fact cache (it is off, or the job is sliced)"
    )
    return (
        f"What is remembered of the keys ends with this job: {why}. Set ntp_multicast_key_memory_file to a path that "
        "outlives the job, or the next job cannot tell whether a key was changed."
    )


def device_name(host: str, connection: Any) -> str:
    """The name of a device in the file: two inventories may have different devices of one name."""
    address, port = (connection.get_option(name) for name in ("host", "port"))
    return f"{host} {address}:{port}"


def not_written(file: KeyMemoryFile, new: Mapping[str, Any]) -> list[str]:
    """Write new memories into the file; the warning to give if that is not possible."""
    try:
        file.update(new)
    except KeyMemoryFileError as error:
        names = [name.partition(" ")[0] for name in sorted(new)]
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        return [f"What is new of the keys of {shown} is not remembered: {error}"]
    return []
