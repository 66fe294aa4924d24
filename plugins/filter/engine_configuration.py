# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: engine_configuration
short_description: A description as the configuration file of the engine
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - The role P(timecast.ntp_multicast.ntp_multicast_engine#role) writes the engine's configuration with it.
  - The result holds no secret; it says which keys are trusted and in which file the keys are.
positional: _input, settings
options:
  _input:
    description:
      - The description, already free of P(timecast.ntp_multicast.problems#filter),
        with the sections C(authentication), C(server) and C(interfaces).
    type: dict
    required: true
  settings:
    description:
      - What the engine has to know besides, by the names of the role's variables without their prefix,
        already free of P(timecast.ntp_multicast.problems#filter).
      - C(keys_file), C(status_socket), C(state_directory), C(metrics_file), C(clock_socket) and
        C(chrony_socket) are paths.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what the engine would read
  ansible.builtin.debug:
    msg: "{{ description | timecast.ntp_multicast.engine_configuration(settings) }}"
  vars:
    description:
      interfaces:
        - name: eth0
          clients:
            - afi: ipv6
    settings:
      status_socket: /run/ntp-multicast-engine/status.sock
"""

RETURN = r"""
_value:
  description: The text of the configuration file, JSON.
  type: str
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.engine_settings import (
    RULES,
    of_group,
    said,
    truth,
    typed,
    whole_number,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import ALL
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import group_address

FORMAT_VERSION = 1
PATHS = ("status_socket", "state_directory", "metrics_file", "clock_socket")


def given(**values: Any) -> dict[str, Any]:
    """What was asked for; the engine has its own default for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def integer(value: Any) -> int | None:
    """Numbers may arrive as text from the command line."""
    return whole_number(value) if said(value) else None


def boolean(value: Any) -> bool | None:
    return truth(value) if said(value) else None


def text(value: Any) -> str | None:
    return str(value) if said(value) else None


def authentication(section: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    keys = section.get("keys") or []
    return given(
        enabled=boolean(section.get("enabled")),
        keys_file=text(settings.get("keys_file")) if keys else None,
        trusted_keys=sorted(whole_number(key["id"]) for key in keys if boolean(key.get("trusted"))) or None,
        hmac_sha256_length=settings.get("hmac_sha256_length") or None,
    )


def server(section: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(name) for name in section.get("listen") or []]
    everywhere = not names or ALL in (name.lower() for name in names)
    return given(
        enabled=boolean(section.get("enabled")),
        listen=ALL if everywhere else names,
        stratum=integer(section.get("reference_stratum")),
        reference_id=settings.get("reference_id"),
        upstream=settings.get("upstream"),
        allow=settings.get("allow_clients") or None,
    )


def multicast_servers(interfaces: list[Mapping[str, Any]], settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for interface in interfaces:
        for entry in interface.get("servers") or []:
            name, group = str(interface["name"]), group_address(entry)
            own = of_group(settings, name, group)
            yield given(
                interface=name,
                group=str(group),
                key_id=integer(entry.get("key_id")),
                ttl=integer(entry.get("ttl")),
                version=integer(entry.get("version")),
                port=integer(entry.get("port")),
                poll=own.get("poll"),
                interleaved=own.get("interleaved"),
            )


def multicast_clients(interfaces: list[Mapping[str, Any]], settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for interface in interfaces:
        for entry in interface.get("clients") or []:
            name, group = str(interface["name"]), group_address(entry)
            own = of_group(settings, name, group)
            yield given(
                interface=name,
                group=str(group),
                port=own.get("client_port"),
                volley_port=own.get("volley_port"),
                allow_servers=own.get("allow_servers") or None,
                fallback_delay=own.get("fallback_delay"),
            )


def discipline(settings: Mapping[str, Any], chrony_socket: Any) -> dict[str, Any]:
    mode = settings.get("discipline") or "monitor"
    if mode == "chrony":
        return given(mode=mode, chrony_socket=text(chrony_socket))
    if mode != "kernel":
        return {"mode": mode}
    names = ("step", "step_threshold", "panic_threshold")
    return given(mode=mode, **{name: settings.get(name) for name in names})


def engine_configuration(description: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    interfaces = description.get("interfaces") or []
    try:
        typed_settings = typed(RULES, settings)
        document = {
            "version": FORMAT_VERSION,
            "authentication": authentication(
                description.get("authentication") or {}, {**typed_settings, "keys_file": settings.get("keys_file")}
            ),
            "server": server(description.get("server") or {}, typed_settings),
            "servers": list(multicast_servers(interfaces, settings)),
            "clients": list(multicast_clients(interfaces, settings)),
            "discipline": discipline(typed_settings, settings.get("chrony_socket")),
            **given(**{name: text(settings.get(name)) for name in PATHS}),
            **given(raw_sockets=typed_settings.get("raw_sockets") or None),
        }
    except (ValueError, TypeError, KeyError) as error:
        raise AnsibleFilterError(f"engine_configuration: {type(error).__name__}: {error}") from error
    return json.dumps(document, indent=2) + "\n"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"engine_configuration": engine_configuration}
