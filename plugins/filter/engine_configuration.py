# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: engine_configuration
short_description: A description as the configuration file of the engine
version_added: 0.1.0
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
      - What the engine has to know besides, by the names of the role's variables without their prefix.
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

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import ALL
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import group_address

FORMAT_VERSION = 1


def given(**values: Any) -> dict[str, Any]:
    """What was asked for; the engine has its own default for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def said(value: Any) -> bool:
    """Whether there is a value; before ansible-core 2.19 a template makes an empty text of ``none``."""
    return value is not None and value != ""


def integer(value: Any) -> int | None:
    """Numbers may arrive as text from the command line."""
    return int(value) if said(value) else None


def real(value: Any) -> float | None:
    return float(value) if said(value) else None


def truth(value: Any) -> bool | None:
    return value if value is None or isinstance(value, bool) else str(value).lower() in ("true", "yes", "on", "1", "y")


def text(value: Any) -> str | None:
    return str(value) if said(value) else None


def authentication(section: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    keys = section.get("keys") or []
    lengths = settings.get("hmac_sha256_length") or {}
    return given(
        enabled=truth(section.get("enabled")),
        keys_file=text(settings.get("keys_file")) if keys else None,
        trusted_keys=sorted(int(key["id"]) for key in keys if truth(key.get("trusted"))) or None,
        hmac_sha256_length={name: int(octets) for name, octets in lengths.items()} or None,
    )


def server(section: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    names = [str(name) for name in section.get("listen") or []]
    everywhere = not names or ALL in (name.lower() for name in names)
    return given(
        enabled=truth(section.get("enabled")),
        listen=ALL if everywhere else names,
        stratum=integer(section.get("reference_stratum")),
        reference_id=text(settings.get("reference_id")),
        upstream=text(settings.get("upstream")),
        allow=[str(network) for network in settings.get("allow_clients") or []] or None,
    )


def multicast_servers(interfaces: list[Mapping[str, Any]], settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for interface in interfaces:
        for entry in interface.get("servers") or []:
            yield given(
                interface=str(interface["name"]),
                group=str(group_address(entry)),
                key_id=integer(entry.get("key_id")),
                ttl=integer(entry.get("ttl")),
                version=integer(entry.get("version")),
                port=integer(entry.get("port")),
                poll=integer(settings.get("poll")),
                interleaved=truth(settings.get("interleaved")),
            )


def multicast_clients(interfaces: list[Mapping[str, Any]], settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for interface in interfaces:
        for entry in interface.get("clients") or []:
            yield given(
                interface=str(interface["name"]),
                group=str(group_address(entry)),
                port=integer(settings.get("client_port")),
                volley_port=integer(settings.get("volley_port")),
                allow_servers=[str(address) for address in settings.get("allow_servers") or []] or None,
                fallback_delay=real(settings.get("fallback_delay")),
            )


def discipline(settings: Mapping[str, Any]) -> dict[str, Any]:
    mode = settings.get("discipline") or "monitor"
    if mode == "chrony":
        return given(mode=str(mode), chrony_socket=text(settings.get("chrony_socket")))
    if mode != "kernel":
        return {"mode": str(mode)}
    return given(
        mode=str(mode),
        step=text(settings.get("step")),
        step_threshold=real(settings.get("step_threshold")),
        panic_threshold=real(settings.get("panic_threshold")),
    )


def engine_configuration(description: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    interfaces = description.get("interfaces") or []
    try:
        document = {
            "version": FORMAT_VERSION,
            "authentication": authentication(description.get("authentication") or {}, settings),
            "server": server(description.get("server") or {}, settings),
            "servers": list(multicast_servers(interfaces, settings)),
            "clients": list(multicast_clients(interfaces, settings)),
            "discipline": discipline(settings),
            **given(
                status_socket=text(settings.get("status_socket")),
                state_directory=text(settings.get("state_directory")),
                metrics_file=text(settings.get("metrics_file") or None),
                clock_socket=text(settings.get("clock_socket") or None),
            ),
        }
    except (ValueError, TypeError, KeyError) as error:
        raise AnsibleFilterError(f"engine_configuration: {type(error).__name__}: {error}") from error
    return json.dumps(document, indent=2) + "\n"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"engine_configuration": engine_configuration}
