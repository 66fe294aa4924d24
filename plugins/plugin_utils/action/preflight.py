# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the variables of all hosts before anything is touched: who is what, and what is wrong.

Names, types and choices of the variables are those of the roles' argument specifications, which are read here, so that
they are written once.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible.template
from ansible import context
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load
from ansible.utils.unsafe_proxy import AnsibleUnsafe

from ..ntp import validation
from ..report.allowed import allowed_problems
from ..vrp.commit_rules import commit_problems, run_id_problems, save_problems
from . import launch
from .before_fork import VRP_SSH
from .platform import NETWORK_OS, UNKNOWN, VRP, platform_of, warnings_about_network_os
from .playbook_variables import LEAST, VARIABLES

PREFIX = "ntp_multicast_"
SECTIONS = ("authentication", "server", "interfaces")
# Without one of these a host neither sends nor listens. Keys alone are often described for all hosts of an inventory.
WHAT_IT_DOES = ("server", "interfaces")
HOSTS, HOSTS_MAX = f"{PREFIX}hosts", f"{PREFIX}hosts_max"
NAMED_HOSTS = 5

# What the playbooks take besides the variables of the roles.
PLAYBOOK_VARIABLES: dict[str, dict[str, Any]] = {variable.name: variable.specification() for variable in VARIABLES}
# What the collection sets itself.
_OWN = (
    "ntp_multicast_result",
    "ntp_multicast_status",
    "ntp_multicast_fleet",
    "ntp_multicast_key_memory",
    "ntp_multicast_rollback",
    # What set_stats hands on: in a workflow it comes to the jobs that follow as extra variables.
    "ntp_multicast_drift",
    "ntp_multicast_verify",
)
_SIMILAR = 0.8
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
# Before ansible-core 2.19 a variable that is not defined leaves the text of its template in `hostvars`.
_TEMPLATES_STAY = not hasattr(ansible.template, "trust_as_template")
ABOUT_ROTATION = (
    "ntp_multicast_rotation is set: until the playbook rotate_key has finished, hosts differ from their descriptions."
)


class Unreadable(Exception):
    """A value that can't be made; the text is a sentence without the value."""


@dataclass
class Survey:
    """What was found.

    vrp, linux: hosts to work on, servers: those of them that serve time
    rotating: hosts for which the rotation of a key is described
    skipped: hosts that nobody described, foreign: hosts that are described and of no
    platform of ours, wrong: hosts whose variables are wrong; each with its sentences
    """

    vrp: list[str] = field(default_factory=list)
    linux: list[str] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)
    rotating: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    foreign: dict[str, list[str]] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    notices: dict[str, list[str]] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The survey for a playbook."""
        return {
            "vrp": [host for host in self.vrp if host not in self.wrong],
            "linux": [host for host in self.linux if host not in self.wrong],
            "servers": self.servers,
            "rotating": self.rotating,
            "skipped": self.skipped,
            "failed": {host: "\n".join(found) for host, found in {**self.foreign, **self.wrong}.items()},
            "problems": grouped(self.wrong),
            "notices": [*self._about_skipped(), *grouped(self.foreign), *grouped(self.notices)],
        }

    def _about_skipped(self) -> list[str]:
        if not self.skipped:
            return []
        return [
            "Left alone, since neither ntp_multicast_interfaces nor ntp_multicast_server describes them: "
            + named(self.skipped)
        ]


def survey(hostvars: Mapping[str, Any], hosts: Iterable[str], given: Collection[str] = ()) -> Survey:
    """Look at all hosts. Never raises because of a variable.

    Args:
        hostvars: the variables of all hosts.
        hosts: names of those to look at.
        given: the names of the variables that the command line gives.
    """
    found = Survey()
    judge = Judge(given)
    for host in map(str, hosts):
        try:
            _look(found, host, _Once(hostvars[host]), judge)
        except Exception as error:
            # A variable that cannot be read, for example for want of a vault password, must not hide whose it is.
            found.wrong[host] = [f"the variables cannot be read: {error}"]
    return found


class _Once(Mapping[str, Any]):
    """The variables of a host, each resolved once: Ansible resolves the templates in one anew whenever it is read."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._resolved: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._resolved:
            self._resolved[name] = self._variables[name]
        return self._resolved[name]

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _look(found: Survey, host: str, variables: Mapping[str, Any], judge: Judge) -> None:
    wrong, notices = unknown_variables(variables)
    platform = platform_of(variables)
    if not is_described(variables, platform):
        if not wrong:
            found.skipped.append(host)
    elif platform == UNKNOWN:
        found.foreign[host] = [unknown_platform(variables)]
    else:
        wrong += problems_of_connection(variables, platform) + judge.problems_of_place(variables)
        wrong += judge.problems(platform, variables)
        notices += [*warnings_about_network_os(variables), *notices_about_secrets(variables, platform)]
        (found.vrp if platform == VRP else found.linux).append(host)
        if judge.serves:
            found.servers.append(host)
        if _is_given(variables, f"{PREFIX}rotation"):
            found.rotating.append(host)
            notices.append(ABOUT_ROTATION)
    if wrong:
        found.wrong[host] = wrong
    if notices:
        found.notices[host] = notices


def is_described(variables: Mapping[str, Any], platform: str) -> bool:
    """Whether somebody described what this host shall do. A device may be wanted to have keys alone."""
    sections = SECTIONS if platform == VRP else WHAT_IT_DOES
    return any(_is_given(variables, PREFIX + section) for section in sections)


def _is_given(variables: Mapping[str, Any], name: str) -> bool:
    if name not in variables:
        return False
    try:
        return variables[name] is not None
    except Exception:
        return True  # given, and not readable, which is told later


def unknown_platform(variables: Mapping[str, Any]) -> str:
    """What is wrong with a host that is none of ours."""
    if str(variables.get("ntp_multicast_platform") or "auto") != "auto":
        return f"ntp_multicast_platform: {variables['ntp_multicast_platform']} is none of auto, vrp, linux."
    return (
        f"ansible_network_os: {variables.get('ansible_network_os') or ''} is nothing that this collection can "
        f"configure. Use {NETWORK_OS} for a VRP device, or set ntp_multicast_platform to vrp or linux."
    )


def problems_of_connection(variables: Mapping[str, Any], platform: str) -> list[str]:
    """What is wrong with the way to a device."""
    if platform != VRP:
        return []
    connection = variables.get("ansible_connection") or context.CLIARGS.get("connection") or VRP_SSH
    if connection == VRP_SSH:
        return []
    return [f"ansible_connection: {connection} cannot reach a VRP device. Use {VRP_SSH}."]


def notices_about_secrets(variables: Mapping[str, Any], platform: str) -> list[str]:
    """That secrets are not looked at, where the user said so: whoever reads "in sync" has to know."""
    try:
        described = {"update_secrets": variables.get(PREFIX + "update_secrets")}
        answers = {name: variables[name] for name in launch.NAMES if name in variables}
        chosen = launch.at_launch(described, answers)["update_secrets"]
    except Exception:
        return []  # not readable, which is told as a problem
    if platform != VRP or chosen != "never":
        return []
    return [
        f"{PREFIX}update_secrets is never: keys are looked at by id, algorithm and trust, and not by their secrets."
    ]


def unknown_variables(variables: Iterable[str]) -> tuple[list[str], list[str]]:
    """Variables that begin as ours do and are none: those that are probably misspelt, and the others."""
    wrong, others = [], []
    known = known_variables()
    for name in sorted(map(str, variables)):
        if not name.startswith(PREFIX) or name in known:
            continue
        meant = difflib.get_close_matches(name.removeprefix(PREFIX), suffixes(), n=1, cutoff=_SIMILAR)
        if meant:
            wrong.append(f"{name} is no variable of this collection; did you mean {PREFIX}{meant[0]}?")
        else:
            others.append(f"{name} is no variable of this collection; nothing here reads it.")
    return wrong, others


class Judge:
    """Finds problems. Hosts have one description, mostly: what is the same as before is judged once."""

    def __init__(self, given: Collection[str] = ()) -> None:
        self._judged: tuple[tuple[str, dict[str, Any]], list[str]] | None = None
        self._given = given
        self.serves = False  # whether the host of the last values serves time

    def problems_of_place(self, variables: Mapping[str, Any]) -> list[str]:
        """Variables that decide nothing where they stand."""
        return [
            f"{name} is in the inventory, where it decides nothing: which hosts are looked at is settled before the "
            "variables of hosts are read. Give it with -e, or use --limit."
            for name in (HOSTS, HOSTS_MAX)
            if name in variables and name not in self._given
        ]

    def problems(self, platform: str, variables: Mapping[str, Any]) -> list[str]:
        """What is wrong with the values of the variables."""
        values, unreadable = readable(variables)
        asked = (platform, values)
        if self._judged is None or self._judged[0] != asked:
            self._judged = asked, list(problems_of_values(platform, values))
            self.serves = serves_time(values)
        return unreadable + self._judged[1]


def serves_time(values: Mapping[str, Any]) -> bool:
    """Whether readable values describe a server of others. Wrong ones are told elsewhere."""
    server, interfaces = (values.get(PREFIX + section) for section in WHAT_IT_DOES)
    if isinstance(server, Mapping) and server.get("enabled") in (True, "true", "yes"):
        return True
    found = interfaces if isinstance(interfaces, list) else []
    return any(isinstance(interface, Mapping) and interface.get("servers") for interface in found)


def readable(variables: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of our variables as Python's own, and a sentence for each that can't be made."""
    values: dict[str, Any] = {}
    problems = []
    for name in sorted(known_variables().intersection(map(str, variables)) - set(_OWN)):
        try:
            value = plain(variables[name], name)
        except Unreadable as error:
            problems.append(str(error))
            continue
        except Exception as error:
            problems.append(f"{name}: {' '.join(str(error).split())}")
            continue
        if value is not None:
            values[name] = value
    return values, problems


def plain(value: Any, path: str) -> Any:
    """Ansible's values as Python's own; a text that a vault protects is not a ``str`` before ansible-core 2.19.

    Raises:
        Unreadable: a template in it could not be resolved.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(_item(value, key, f"{path}.{key}"), f"{path}.{key}") for key in value}
    if isinstance(value, (list, tuple)):
        return [plain(_item(value, n, f"{path}[{n}]"), f"{path}[{n}]") for n in range(len(value))]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    if _TEMPLATES_STAY and not isinstance(value, AnsibleUnsafe) and _TEMPLATE.search(text):
        names = re.findall(r"\{\{\s*([A-Za-z_]\w*)", text)
        raise Unreadable(f"{path}: it uses a variable that is not defined{f' ({names[0]})' if names else ''}.")
    return text


def _item(container: Any, key: Any, path: str) -> Any:
    try:
        return container[key]
    except Exception as error:
        raise Unreadable(f"{path}: {' '.join(str(error).split())}") from error


def problems_of_values(platform: str, values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with readable values: types and choices, then the rules of the platform."""
    typed = validator(platform).validate(dict(values))
    if typed.error_messages:
        for message in typed.error_messages:
            yield message + hint_about_booleans(message, values)
        return
    parameters = typed.validated_parameters
    settings = {name: parameters.get(PREFIX + name) for name in ("state", "commit", "save", "update_secrets")}
    settings = launch.at_launch({name: value for name, value in settings.items() if value is not None}, parameters)
    sections = {section: parameters[PREFIX + section] for section in SECTIONS if PREFIX + section in parameters}
    state = settings.get("state", "merged")
    update_secrets = settings.get("update_secrets", "on_create")
    found = validation.problems(
        sections,
        platform="vrp" if platform == VRP else "linux",
        prefix=PREFIX,
        state=state,
        update_secrets=update_secrets,
    )
    found += commit_problems(settings.get("commit"), f"{PREFIX}commit")
    found += run_id_problems(parameters.get(f"{PREFIX}run_id"), f"{PREFIX}run_id")
    if platform == VRP:
        found += save_problems(settings.get("commit"), settings.get("save"), f"{PREFIX}save")
    yield from map(str, found)
    yield from allowed_problems(values.get(f"{PREFIX}drift_allowed"), f"{PREFIX}drift_allowed")
    yield from too_small(parameters)
    if update_secrets == "never" and parameters.get(f"{PREFIX}require_compared_keys"):
        yield (
            f"{PREFIX}require_compared_keys asks for keys to be compared, and {PREFIX}update_secrets=never for their "
            "secrets not to be looked at. Leave one of them away."
        )


def too_small(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Numbers below what they can be. What is no number at all (NaN) is not above it either."""
    for name, least in LEAST.items():
        value = parameters.get(name)
        if value is not None and not value >= least:
            yield f"{name}: {value} is not allowed. It has to be {least} or more."


def hint_about_booleans(message: str, values: Mapping[str, Any]) -> str:
    """YAML makes a boolean of `yes` and `no`, which is not what the user wrote."""
    booleans = [name for name, value in values.items() if isinstance(value, bool) and name in message]
    return " (yes, no, on and off without quotes are booleans)" if booleans and "must be one of" in message else ""


def grouped(sentences: Mapping[str, list[str]]) -> list[str]:
    """A line for each sentence, which begins with the names of the hosts that it is about."""
    hosts: dict[str, list[str]] = {}
    for host, found in sentences.items():
        for sentence in dict.fromkeys(found):
            hosts.setdefault(sentence, []).append(host)
    return [f"{named(of_sentence)}: {sentence}" for sentence, of_sentence in hosts.items()]


def named(hosts: list[str]) -> str:
    """The names of the first hosts, and how many more there are."""
    more = len(hosts) - NAMED_HOSTS
    return ", ".join(hosts[:NAMED_HOSTS]) + (f" and {more} more" if more > 0 else "")


# -- the roles' specifications -----------------------------------------------------------------------------------------


@functools.cache
def options_of_role(role: str) -> dict[str, Any]:
    """Every variable of a role, without defaults: only what the user wrote is looked at."""
    path = Path(__file__).resolve().parents[3] / "roles" / role / "meta" / "argument_specs.yml"
    entry_points = yaml_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return {
        name: {key: value for key, value in option.items() if key not in ("default", "required", "description")}
        for entry_point in entry_points.values()
        for name, option in entry_point["options"].items()
    }


@functools.cache
def known_variables() -> frozenset[str]:
    """The names of all variables that users set, and of those that the collection sets."""
    roles = (*options_of_role("ntp_multicast"), *options_of_role("ntp_multicast_engine"))
    return frozenset((*roles, *PLAYBOOK_VARIABLES, *_OWN))


@functools.cache
def suffixes() -> list[str]:
    """The same without what they all begin with, which would make any two of them similar."""
    return sorted(name.removeprefix(PREFIX) for name in known_variables())


@functools.cache
def validator(platform: str) -> ArgumentSpecValidator:
    """Types and choices of the variables that matter to a platform."""
    spec = {**options_of_role("ntp_multicast"), **options_of_role("ntp_multicast_engine")}
    playbooks = {
        name: {key: value for key, value in option.items() if key != "default"}
        for name, option in PLAYBOOK_VARIABLES.items()
    }
    return ArgumentSpecValidator({**spec, **playbooks})
