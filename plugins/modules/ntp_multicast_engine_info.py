# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ntp_multicast_engine_info
short_description: NTP state of Linux hosts that run the engine
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Returns what the engine measures, the servers that it hears, and the groups that it sends to.
  - Can wait until the host is synchronised and its clock is right. A host that serves its own clock with a configured
    stratum counts as synchronised.
  - The engine is deployed by the role P(timecast.ntp_multicast.ntp_multicast_engine#role).
    For VRP devices M(timecast.ntp_multicast.vrp_ntp_multicast_info) returns the same shape.
requirements:
  - Python 3.9 or later on the host
  - The right to ask the engine, which root has.
options:
  wait_until_synchronised:
    description:
      - Whether to wait until the host is synchronised, and to fail when it is not in time.
      - That is so when its clock is within O(maximum_offset) and nothing keeps the engine from steering it.
    type: bool
    default: false
  heard_afresh:
    description:
      - With O(wait_until_synchronised=true), whether a client counts as synchronised only when a packet of the source
        that it follows came after the task began.
      - A client that has lost its source says that it is synchronised for up to eight polls more.
    type: bool
    default: false
  maximum_offset:
    description:
      - Seconds that the clock may be off from the server that the host follows, either way.
      - An engine that only monitors, or that the kernel refuses, is synchronised in its measurements
        while the clock of the host is wrong.
    type: float
    default: 0.128
  timeout:
    description:
      - Seconds to wait with O(wait_until_synchronised=true). A service that is still starting is waited for too.
    type: int
    default: 60
  command:
    description: The engine's command.
    type: path
    default: /usr/local/bin/ntp-multicast-engine
  config:
    description: The engine's configuration file.
    type: path
    default: /etc/ntp-multicast-engine/engine.json
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.info_module
attributes:
  platform:
    support: full
    platforms: Linux
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast_info
"""

EXAMPLES = r"""
- name: Wait until the host follows a server
  timecast.ntp_multicast.ntp_multicast_engine_info:
    wait_until_synchronised: true
    timeout: 300
  register: clock

- name: Say how far the clock is off
  ansible.builtin.debug:
    msg: "{{ clock.ntp.offset }} s from {{ clock.ntp.reference_id }}"
"""

RETURN = r"""
ntp:
  description: The NTP state. What is not known is null.
  returned: success, and when waiting was in vain
  type: dict
  contains:
    synchronised:
      description: Whether the host is synchronised.
      type: bool
    stratum:
      description: Stratum of the host, 16 when it is not synchronised.
      type: int
    leap:
      description: Leap indicator.
      type: str
      sample: none
    reference_id:
      description: Source that the host follows.
      type: str
      sample: 10.99.7.21
    offset:
      description: Offset to the source in seconds.
      type: float
    root_delay:
      description: Round-trip delay to the primary reference in seconds.
      type: float
    root_dispersion:
      description: Dispersion to the primary reference in seconds.
      type: float
    role:
      description: What the configuration makes of the host, V(server), V(client), V(both) or V(none) of them.
      type: str
    associations:
      description: The servers that the engine hears.
      type: list
      elements: dict
      contains:
        source:
          description: Address of the server.
          type: str
        interface:
          description: Interface over which it is heard.
          type: str
        group:
          description: Multicast group over which it is heard.
          type: str
        mode:
          description: What the association is doing.
          type: str
        stratum:
          description: Stratum of the server.
          type: int
        reference_id:
          description: What the server follows.
          type: str
        reach:
          description: Which of the last eight packets came, as a number from 0 to 255.
          type: int
        poll:
          description: Seconds between packets.
          type: int
        last_received:
          description: Seconds since its last packet.
          type: float
        offset:
          description: Offset in seconds.
          type: float
        delay:
          description: Round-trip delay in seconds.
          type: float
        dispersion:
          description: Dispersion in seconds.
          type: float
        selected:
          description: Whether the host follows this server.
          type: bool
        authenticated:
          description: Whether its packets are authenticated.
          type: bool
        key_id:
          description: Number of the key.
          type: int
    servers:
      description: The groups that the engine sends to.
      type: list
      elements: dict
      contains:
        interface:
          description: Interface on which it sends.
          type: str
        group:
          description: Multicast group.
          type: str
        port:
          description: UDP destination port.
          type: int
        key_id:
          description: Number of the key, null without authentication.
          type: int
        ttl:
          description: Time to live.
          type: int
        version:
          description: NTP version of the packets.
          type: int
clock:
  description: What becomes of the host's clock.
  returned: success, and when waiting was in vain
  type: dict
  contains:
    discipline:
      description: What happens with the measurements, V(monitor), V(kernel) or V(chrony).
      type: str
    discipline_state:
      description:
        - What becomes of the clock, V(measures) where it is left alone, V(waits) for a server, or V(steers).
        - V(refused) where the kernel lets nobody steer it, V(panic) beyond the panic threshold,
          V(fails) where chronyd or the clock helper does not answer.
      type: str
    discipline_error:
      description: Why the clock is not steered, or chronyd not reached, as it should be.
      type: str
    panic_threshold:
      description: Seconds of offset beyond which the engine leaves the clock alone, null where it does not steer it.
      type: float
    in_order:
      description:
        - Whether the host is synchronised, its clock within O(maximum_offset), without a RV(clock.discipline_error).
      type: bool
    reason:
      description: A sentence that says why it is not RV(clock.in_order).
      type: str
problems:
  description: What the engine finds wrong, the nearest cause first.
  returned: success, and when waiting was in vain
  type: list
  elements: dict
  contains:
    code:
      description: The kind, such as V(group_silent), V(no_answers), V(bad_mac), V(port_taken) or V(servers_disagree).
      type: str
    sentence:
      description: What is wrong, for a person.
      type: str
    advice:
      description: What to look at or do.
      type: str
    subject:
      description: The server, group, interface or port that it is about.
      type: str
    count:
      description: How many packets or attempts it has been so far, null where nothing is counted.
      type: int
engine:
  description:
    - Everything that C(ntp-multicast-engine status --json) tells, with counters of what was received and refused.
  returned: success, and when waiting was in vain
  type: dict
"""

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

SECONDS_BETWEEN_LOOKS = 1.0
SYSTEM = ("synchronised", "stratum", "leap", "reference_id", "offset", "root_delay", "root_dispersion")
ASSOCIATION = (
    "source",
    "interface",
    "group",
    "mode",
    "stratum",
    "reference_id",
    "reach",
    "poll",
    "last_received",
    "offset",
    "delay",
    "dispersion",
    "selected",
    "authenticated",
    "key_id",
)
SERVER = ("interface", "group", "port", "key_id", "ttl", "version")


# Of this module, beside what the engine says.
STALE = "_stale"


class NoAnswer(Exception):
    """The engine could not be asked; the text says why."""


def ask(module: AnsibleModule) -> dict[str, Any]:
    """The engine's status document.

    Raises NoAnswer when the engine does not run or says something else.
    """
    command = [module.params["command"], "status", "--config", module.params["config"], "--json"]
    shown = " ".join(command)
    try:
        code, output, errors = module.run_command(command, handle_exceptions=False)
    except OSError as error:
        raise NoAnswer(f"'{shown}' gave no state: {error.strerror or error}. Is the engine deployed?") from error
    if code != 0:
        reason = (errors or output).strip() or f"it ended with code {code}"
        raise NoAnswer(f"'{shown}' gave no state: {reason}")
    try:
        document = json.loads(output)
    except ValueError as error:
        raise NoAnswer(f"'{shown}' did not answer with JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("system"), dict):
        raise NoAnswer(f"'{shown}' answered with something else than a state.")
    return document


def listens(module: AnsibleModule, document: dict[str, Any]) -> bool:
    """Whether the configuration has clients; a server that nobody has heard yet makes no association."""
    if document.get("associations"):
        return True
    try:
        with open(module.params["config"], "rb") as stream:
            return bool(json.loads(stream.read().decode("utf-8")).get("clients"))
    except (OSError, ValueError, AttributeError):
        return False


def role(serves: bool, follows: bool) -> str:
    """What the configuration makes of the host."""
    if serves and follows:
        return "both"
    return "server" if serves else "client" if follows else "none"


def only(names: Iterable[str], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry.get(name) for name in names}


def ntp_state(document: dict[str, Any], follows: bool) -> dict[str, Any]:
    """The shape that the modules for VRP and for Linux share."""
    servers = document.get("servers") or []
    state = only(SYSTEM, document["system"])
    state["synchronised"] = bool(state["synchronised"])
    state["role"] = role(bool(servers), follows)
    state["associations"] = [only(ASSOCIATION, entry) for entry in document.get("associations") or []]
    state["servers"] = [only(SERVER, entry) for entry in servers]
    return state


def stale(module: AnsibleModule, document: dict[str, Any], since: float) -> str | None:
    """A sentence where the host follows a source that it has not heard in so many seconds; None else."""
    wanted = module.params["heard_afresh"] and module.params["wait_until_synchronised"]
    if not wanted or not listens(module, document):
        return None
    associations = document.get("associations") or []
    fresh = [entry for entry in associations if isinstance(entry.get("last_received"), (int, float))]
    fresh = [entry for entry in fresh if entry["last_received"] < since]
    own = document["system"].get("upstream") in ("local", "kernel", "chrony")
    if any(entry.get("selected") for entry in fresh) or (own and fresh):
        return None
    heard = [
        f"{entry.get('source')} {entry['last_received']:.0f} s ago"
        for entry in associations
        if isinstance(entry.get("last_received"), (int, float))
    ]
    return (
        f"No packet of a source that it follows came in {since:.0f} seconds. Last heard: {', '.join(heard) or 'none'}."
    )


def look(module: AnsibleModule) -> tuple[dict[str, Any] | None, str | None]:
    """The last document within the time to wait, and why there is none, one of them None."""
    wait = module.params["wait_until_synchronised"]
    begin = time.monotonic()
    end = begin + (module.params["timeout"] if wait else 0)
    while True:
        document = reason = None
        try:
            asked = time.monotonic() - begin
            document = ask(module)
            document[STALE] = stale(module, document, asked)
        except NoAnswer as error:
            reason = str(error)
        left = end - time.monotonic()
        done = document is not None and why_not(document, module.params["maximum_offset"]) is None
        if done or left <= 0:
            return document, reason
        time.sleep(min(SECONDS_BETWEEN_LOOKS, left))


def clock_state(document: dict[str, Any], maximum_offset: float) -> dict[str, Any]:
    """What becomes of the clock, and whether it is right."""
    reason = why_not(document, maximum_offset)
    return {
        **only(("discipline", "discipline_state", "discipline_error", "panic_threshold"), document["system"]),
        "in_order": reason is None,
        "reason": reason,
    }


def why_not(document: dict[str, Any], maximum_offset: float) -> str | None:
    """A sentence for a host whose clock is not in order; None for one whose clock is."""
    system = document["system"]
    if not system.get("synchronised"):
        return not_synchronised(document)
    if document.get(STALE):
        return str(document[STALE])
    if system.get("discipline_error"):
        return f"The host measures, but its clock is not in order: {system['discipline_error']}."
    offset = system.get("offset")
    if offset is not None and not abs(offset) <= maximum_offset:
        source = system.get("reference_id") or "its server"
        return (
            f"The host's clock is {offset:g} s off from {source}, and at most {maximum_offset:g} s are right: "
            f"{left_alone(system)}."
        )
    return None


def left_alone(system: Mapping[str, Any]) -> str:
    """What the discipline does about an offset."""
    return {
        "monitor": "the discipline is monitor, which measures and leaves the clock alone",
        "chrony": "the discipline is chrony, so look at what chronyd makes of it (chronyc sources)",
    }.get(str(system.get("discipline")), "the engine has not taken it away yet")


def not_synchronised(document: dict[str, Any]) -> str:
    """What the engine hears and what it refuses."""
    associations = document.get("associations") or []
    heard = [f"{entry.get('source')} (reach {entry.get('reach') or 0:o})" for entry in associations]
    dropped = (document.get("counters") or {}).get("dropped") or {}
    refused = [f"{dropped[reason]} {reason}" for reason in sorted(dropped) if dropped[reason]]
    reason = document["system"].get("reason")
    return (
        f"The host is not synchronised{': ' + reason if reason else ''}. Servers heard: {', '.join(heard) or 'none'}. "
        f"Packets refused: {', '.join(refused) or 'none'}."
    )


def result_of(module: AnsibleModule, document: dict[str, Any]) -> dict[str, Any]:
    """What the module returns besides whether it has failed."""
    clock = clock_state(document, module.params["maximum_offset"])
    document.pop(STALE, None)
    return {
        "ntp": ntp_state(document, listens(module, document)),
        "clock": clock,
        "problems": document.get("problems") or [],
        "engine": document,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "wait_until_synchronised": {"type": "bool", "default": False},
            "maximum_offset": {"type": "float", "default": 0.128},
            "timeout": {"type": "int", "default": 60},
            "heard_afresh": {"type": "bool", "default": False},
            "command": {"type": "path", "default": "/usr/local/bin/ntp-multicast-engine"},
            "config": {"type": "path", "default": "/etc/ntp-multicast-engine/engine.json"},
        },
        supports_check_mode=True,
    )
    document, reason = look(module)
    if document is None:
        module.fail_json(msg=reason)
        return
    result = result_of(module, document)
    if module.params["wait_until_synchronised"] and not result["clock"]["in_order"]:
        module.fail_json(msg=f"After {module.params['timeout']} seconds: {result['clock']['reason']}", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
