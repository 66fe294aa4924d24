# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registered results of playbooks/tasks/adopt_linux.yml say about a Linux host.

The engine's own configuration is what the host does by our variables. What another daemon does is a proposal: to write
it as variables would let the next run of `site` take the clock away from that daemon.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..ntp.chrony_sources import upstream_of
from ..ntp.engine_document import PREFIX, sections_of, settings_of
from ..ntp.errors import UserError
from ..ntp.masking import shown
from ..ntp.other_daemons import Carried, read_chrony_conf, read_ntp_conf

_KEY_LINE = re.compile(r"([0-9]{1,10}) (\S{1,32})")


@dataclass(frozen=True)
class LinuxHost:
    """What was found. engine: whether ours is deployed; proposal: the variables that another daemon's file becomes."""

    engine: bool
    sections: Mapping[str, Any]
    settings: Mapping[str, Any]
    proposal: Mapping[str, Any]
    proposed_from: str
    outside: tuple[str, ...]


def linux_host(results: Mapping[str, Any]) -> LinuxHost:
    """Read the results, by the names of their tasks: engine, engine_keys, told_chrony, others, other_keys, interface.

    Raises:
        UserError: the engine's configuration is none.
    """
    document = _engine(results.get("engine") or {})
    sections: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}
    if document is not None:
        try:
            sections = sections_of(document, key_types(results.get("engine_keys")))
            sections = _with_upstream(sections, results.get("told_chrony"))
            settings = settings_of(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(f"the engine's configuration is not one of ours: {error!r}.") from error
    outside = list(_chrony_options(document))
    proposal: dict[str, Any] = {}
    proposed_from = ""
    keys = key_types(results.get("other_keys"))
    for path, text in _texts((results.get("others") or {}).get("results") or ()):
        is_chrony = "chrony" in path
        carried = read_chrony_conf(text) if is_chrony else read_ntp_conf(text)
        outside += [f"{path}: {line}" for line in carried.outside]
        if carried.anything and not proposal:
            outside += [f"{path}: {line}" for line in ([] if is_chrony else carried.about_keys(keys))]
            proposal = _proposal(carried, str(results.get("interface") or ""), {} if is_chrony else keys)
            proposed_from = path
    return LinuxHost(document is not None, sections, settings, proposal, proposed_from, tuple(outside))


def _proposal(carried: Carried, interface: str, keys: Mapping[int, str]) -> dict[str, Any]:
    sections = carried.sections(interface or "INTERFACE", keys)
    # A key that can't be carried over would make the description refuse itself.
    known = {key["id"] for key in sections["authentication"].get("keys") or ()}
    for server in carried.servers:
        if server.get("key_id") not in known:
            server.pop("key_id", None)
    return {
        **{f"ntp_multicast_{name}": value for name, value in sections.items() if value},
        **({f"{PREFIX}groups": carried.groups} if carried.groups else {}),
    }


def _engine(result: Mapping[str, Any]) -> dict[str, Any] | None:
    if "content" not in result:
        return None
    try:
        document = json.loads(_decoded(result))
    except ValueError as error:
        raise UserError("the engine's configuration is no JSON.") from error
    if not isinstance(document, dict):
        raise UserError("the engine's configuration is no JSON object.")
    return document


def _with_upstream(sections: Mapping[str, Any], told_chrony: Any) -> dict[str, Any]:
    """The sections with the unicast servers that the role has told chronyd."""
    results = told_chrony.get("results") or () if isinstance(told_chrony, Mapping) else ()
    upstream = [entry for _path, text in _texts(results) for entry in upstream_of(text)]
    server = {**sections["server"], "upstream": upstream} if upstream else sections["server"]
    return {**sections, "server": server}


def _chrony_options(document: Mapping[str, Any] | None) -> Iterator[str]:
    if document is not None and (document.get("discipline") or {}).get("mode") == "chrony":
        yield "chronyd's line for the engine: set ntp_multicast_engine_chrony_options if it is not the default"


def _texts(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for result in results:
        if "content" in result:
            yield str(result.get("item") or result.get("source") or ""), _decoded(result)


def _decoded(result: Mapping[str, Any]) -> str:
    try:
        return base64.b64decode(str(result["content"])).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def key_types(result: Any) -> dict[int, str]:
    """The ids and types that the command for a keys file printed; it prints nothing else."""
    lines = result.get("stdout_lines") or () if isinstance(result, Mapping) else ()
    found = (_KEY_LINE.fullmatch(str(line)) for line in lines)
    return {int(line[1]): shown(line[2]) for line in found if line is not None}
