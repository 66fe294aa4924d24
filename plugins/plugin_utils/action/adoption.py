# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of hosts, made from what was found on them: which file says what, and the text of each file.

A section goes into the file of a group when every host of the group was read and has the same one, so that no host gets
a variable that was not found on it. No file holds a secret: a key names a variable that has to be filled from a vault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from ..ntp.masking import shown
from .variables_text import Commented, Trusted, comment_line, text_of

PREFIX = "ntp_multicast_"
SECTIONS: dict[str, Any] = {"authentication": {}, "server": {}, "interfaces": []}  # each with how it is empty
FILE_NAME = "ntp_multicast.yml"
EXTENSIONS = (".yml", ".yaml", ".json")  # those that Ansible reads beside a folder of the same name
# Groups that stand for what the inventory says of no group.
_NO_GROUPS = frozenset({"ungrouped"})
_TEMPLATE = re.compile(r"\{(?=[{%#])")
HEADING = "Written by the playbook timecast.ntp_multicast.adopt."

Read = Callable[[PurePosixPath], "str | None"]
"""Gives the text of a file, None where there is none."""


@dataclass(frozen=True)
class Found:
    """What was read of one host.

    sections: the model, without secrets; settings: other variables of ours; outside: lines and options that stay
    outside of the model; notes: sentences for the user; described: our variables that the host has already;
    ours: whether the host is configured by this collection at all, so that variables describe it; proposal: variables
    that would do what another daemon does, which are written as a comment
    """

    sections: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    described: frozenset[str] = frozenset()
    ours: bool = True
    proposal: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """A file of variables. variables: by their names; owner: the host or the group."""

    path: PurePosixPath
    owner: str
    variables: Mapping[str, Any]
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    proposal: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The content."""
        notes = ["", *self.notes] if self.notes else []
        return text_of(_all_written(self.variables), [HEADING, *_about_outside(self.outside), *notes]) + commented_out(
            text_of(_all_written(self.proposal)) if self.proposal else ""
        )


def vault_variable(key_id: int) -> str:
    """The variable that a key takes its secret from."""
    return f"vault_{PREFIX}key_{key_id}"


def variables_of(found: Found) -> dict[str, Any]:
    """The variables that describe a host. What is described already and was not found is described as that."""
    if not found.ours:
        return {}
    sections = {
        PREFIX + name: found.sections.get(name) or empty
        for name, empty in SECTIONS.items()
        if found.sections.get(name) or PREFIX + name in found.described
    }
    return {**(sections or {f"{PREFIX}interfaces": []}), **found.settings}


def files(
    hosts: Mapping[str, Found], groups: Mapping[str, Sequence[str]], directory: PurePosixPath, read: Read
) -> list[File]:
    """The files of all hosts and groups.

    Args:
        hosts: what was read; hosts that could not be read are not there.
        groups: the names of the hosts of each group of the inventory.
        directory: where the folders `host_vars` and `group_vars` are.
        read: a variable that a host has already may go before that of a group, unless the group has our file.
    """
    variables = {name: variables_of(found) for name, found in hosts.items()}
    free = {group: read(_path(directory, "group_vars", group)) is not None for group in groups}
    described = {name: found.described for name, found in hosts.items()}
    common = _common(variables, groups, lambda group, host, name: free[group] or name not in described[host])
    for_hosts = {name: dict(of_host) for name, of_host in variables.items()}
    for group, shared in common.items():
        for host in groups[group]:
            for name in shared:
                for_hosts[host].pop(name, None)
    return [
        *(File(_path(directory, "group_vars", group), group, shared) for group, shared in common.items()),
        *(
            File(_path(directory, "host_vars", host), host, for_hosts[host], found.outside, found.notes, found.proposal)
            for host, found in hosts.items()
        ),
    ]


def _common(
    variables: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    is_free: Callable[[str, str, str], bool],
) -> dict[str, dict[str, Any]]:
    """For each group what all of its hosts share; a larger group first, and each variable of a host once."""
    common: dict[str, dict[str, Any]] = {}
    settled: set[tuple[str, str]] = set()
    for group in sorted(groups, key=lambda name: (-len(groups[name]), name == "all", name)):
        members = list(groups[group])
        if group in _NO_GROUPS or len(members) < 2 or not all(member in variables for member in members):
            continue
        first = variables[members[0]]
        shared = {
            name: value
            for name, value in first.items()
            if all(variables[member].get(name) == value and is_free(group, member, name) for member in members)
            and not all((member, name) in settled for member in members)
        }
        settled.update((member, name) for member in members for name in shared)
        if shared:
            common[group] = shared
    return common


def _path(directory: PurePosixPath, folder: str, name: str) -> PurePosixPath:
    return directory / folder / name / FILE_NAME


def problems_of_names(hosts: Iterable[str]) -> list[str]:
    """Hosts whose names are no names of folders."""
    return [
        f"{host!r} can't be the name of a folder in host_vars. Give the host another name in the inventory."
        for host in hosts
        if "/" in host or "\0" in host or host in ("", ".", "..")
    ]


def problems_of_places(written: Sequence[File], read: Read, *, overwrite: bool) -> list[str]:
    """What stands where a file shall be written.

    Args:
        written: the files.
        read: gives the text of a file.
        overwrite: whether a file may be replaced.
    """
    found: list[str] = []
    for file in written:
        folder = file.path.parent
        for beside in (folder, *(folder.with_name(folder.name + extension) for extension in EXTENSIONS)):
            if read(beside) is not None:
                # Ansible reads the first of NAME, NAME.yml, NAME.yaml, NAME.json and leaves the others.
                found.append(
                    f"{beside} is a file, which Ansible would no longer read beside the folder {folder}. "
                    f"Move it to {folder / 'main.yml'}."
                )
        present = read(file.path)
        if present is not None and present != file.text and not overwrite:
            found.append(
                f"{file.path} is there and says something else. "
                f"Move it away, or set {PREFIX}adopt_overwrite to true to replace it."
            )
    return found


def report_lines(hosts: Mapping[str, Found], failed: Mapping[str, str], written: Sequence[File]) -> list[str]:
    """What was found, what has to be filled, and what could not be carried over."""
    width = max((len(name) for name in (*hosts, *failed)), default=0)
    lines = [f"{name.ljust(width)}  {_in_one_line(found)}" for name, found in hosts.items()]
    lines += [f"{name.ljust(width)}  not adopted: {harmless(reason)}" for name, reason in failed.items()]
    for name, found in hosts.items():
        if found.outside:
            lines += [
                "",
                f"{name}: outside of the model, left as it is:",
                *(f"  {harmless(line)}" for line in found.outside),
            ]
        if found.notes:
            lines += ["", *(f"{name}: {note}" for note in found.notes)]
    lines += ["", *(f"Variables of {file.owner}: {file.path}" for file in written)]
    secrets = _secrets(hosts)
    if secrets:
        lines += ["", "Secrets to put into a vault, until which they are not looked at:"]
        lines += [f"  {name}: {', '.join(of_key)}" for name, of_key in secrets.items()]
    return lines


def harmless(text: str) -> str:
    """A text of a device so that Ansible takes it for no template on its way to the screen."""
    return _TEMPLATE.sub("{ ", shown(text))


def _in_one_line(found: Found) -> str:
    interfaces = found.sections.get("interfaces") or []
    upstream = (found.sections.get("server") or {}).get("upstream") or []
    counted = {
        "keys": len((found.sections.get("authentication") or {}).get("keys") or []),
        **({"unicast servers that it follows": len(upstream)} if upstream else {}),
        "servers": sum(len(entry.get("servers") or []) for entry in interfaces),
        "clients": sum(len(entry.get("clients") or []) for entry in interfaces),
        "outside of the model": len(found.outside),
    }
    if not found.ours:
        return "no engine is deployed" + (", see the proposal in its file" if found.proposal else "")
    return "adopted: " + ", ".join(f"{number} {word}" for word, number in counted.items())


def _secrets(hosts: Mapping[str, Found]) -> dict[str, list[str]]:
    """The variables to fill, each with its hosts and the algorithm that the key has there."""
    secrets: dict[str, list[str]] = {}
    for name, found in hosts.items():
        for key in (found.sections.get("authentication") or {}).get("keys") or []:
            algorithm = key.get("algorithm", "algorithm not known")
            secrets.setdefault(vault_variable(key["id"]), []).append(f"{name} ({algorithm})")
    return secrets


def commented_out(text: str) -> str:
    """A text of variables that a person may bring into effect by taking the marks away."""
    return "".join(f"\n{comment_line(line)}" if line else "\n#" for line in text.splitlines()[1:]) + "\n" * bool(text)


def _all_written(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _written(name, value) for name, value in variables.items()}


def _written(name: str, value: Any) -> Any:
    """The value with what a template of ours or a comment adds to it."""
    keys = value.get("keys") if name == f"{PREFIX}authentication" else None
    if not keys:
        return value
    return Commented(
        {**value, "keys": [_with_placeholder(key) for key in keys]},
        "A secret is not read from a host. Put it into a vault, as the variable that the key names.",
    )


def _with_placeholder(key: Mapping[str, Any]) -> dict[str, Any]:
    secret = Trusted(f"{{{{ {vault_variable(key['id'])} | default('') }}}}")
    return {"id": key["id"], **{name: key[name] for name in ("algorithm",) if name in key}, "secret": secret, **key}


def until_filled(found: Found) -> Found:
    """The same, with the setting that does not look at secrets until all of them are known."""
    keys = (found.sections.get("authentication") or {}).get("keys") or []
    if not keys:
        return found
    secrets = f"{PREFIX}authentication['keys'] | map(attribute='secret', default='-')"
    setting = Commented(
        Trusted(f"{{{{ 'never' if '' in {secrets} else 'on_create' }}}}"),
        "Until the secrets are known, keys are looked at by id, algorithm and trust only.",
    )
    return replace(found, settings={**found.settings, f"{PREFIX}update_secrets": setting})


def _about_outside(outside: Sequence[str]) -> list[str]:
    return ["", "Outside of the model, left as it is:", *(f"  {line}" for line in outside)] if outside else []
