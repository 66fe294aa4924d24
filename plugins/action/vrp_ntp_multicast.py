# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import (
    UNMASKED_RESULTS,
    configure,
    unknown_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.counting import VARIABLE, counted
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.key_memories import (
    KeyMemories,
    Memory,
    Surroundings,
    device_name,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import warnings_about_network_os
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_NTP_MULTICAST
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.variables import options_from_variables
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.vrp_request import (
    chosen_dialect,
    refuse_problems,
    warnings_about,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    parse_given_text,
    render_configuration,
    typed_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import gather


class ActionModule(VrpAction):
    """The NTP multicast configuration of one device, in one task and one transaction."""

    SPECIFICATION = VRP_NTP_MULTICAST
    UNMASKED_RESULTS = UNMASKED_RESULTS

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give the result that is there already, or validate the options and work."""
        found = result_for(task_vars or {}, self._task.args.get("results_from"))
        if found is not None:
            return given(found)
        with counted(self._templar.template((task_vars or {}).get(VARIABLE)), "change"):
            return super().run(tmp, task_vars)

    def arguments(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """What the task says goes before what the variables say."""
        arguments = super().arguments(task_vars)
        if boolean(arguments.get("from_variables", False), strict=False):
            return {**options_from_variables(task_vars, self._templar), **arguments}
        return arguments

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        refuse_problems(options)
        warnings = warnings_about(options) + warnings_about_network_os(task_vars)
        states = {"rendered": self.rendered, "parsed": self.parsed, "gathered": self.gathered}
        if options["state"] in states:
            result = states[options["state"]](options)
        else:
            result = self.configured(options, task_vars)
        result["warnings"] = warnings + result.get("warnings", [])
        return result

    def configured(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Bring the device to the description, with what is remembered of its keys."""
        logins = self.logins()
        host, facts = device_of(self._task, task_vars)
        memories = KeyMemories.chosen(
            options["key_memory_file"], Surroundings.here(), delegated=host != host_of(task_vars)
        )
        memory = Memory.of(memories, device_name(host, logins), facts)
        result = configure(logins, options, memory.known, check=bool(self._task.check_mode), host=host)
        return memory.kept(result)

    def rendered(self, options: dict[str, Any]) -> dict[str, Any]:
        """The lines that a person would type."""
        dialect = Dialect(options["dialect"] or Dialect.NTP.value)
        lines = render_configuration(configuration_from_options(options["config"]), dialect)
        return {"rendered": typed_lines(lines, masked=not options["show_secrets"]), "dialect": dialect.value}

    def parsed(self, options: dict[str, Any]) -> dict[str, Any]:
        """The model of a configuration text."""
        given = parse_given_text(options["running_config"], chosen_dialect(options))
        present = given.found
        return {
            "parsed": options_from_configuration(present.configuration),
            "dialect": present.dialect.value if present.dialect else options["dialect"],
            "warnings": [*given.warnings, *unknown_lines(present.unknown)],
        }

    def gathered(self, options: dict[str, Any]) -> dict[str, Any]:
        """The model of what is in effect on the device."""
        present = gather(self.logins().session(), chosen_dialect(options))
        return {
            "gathered": options_from_configuration(present.configuration),
            "outside_model": [*present.outside, *present.unknown],
            "dialect": present.dialect.value if present.dialect else options["dialect"],
            "automatic": list(present.automatic),
            "warnings": unknown_lines(present.unknown),
        }


def host_of(variables: Mapping[str, Any]) -> str:
    """The name of the task's host in the inventory."""
    return str(variables.get("inventory_hostname", ""))


def device_of(task: Any, variables: Mapping[str, Any]) -> tuple[str, object]:
    """The name and the facts of the device that the task works on: the one that it is delegated to, if it is."""
    delegated = task.delegate_to
    if not delegated:
        return host_of(variables), variables.get("ansible_facts")
    of_device = (variables.get("ansible_delegated_vars") or {}).get(delegated) or {}
    return str(delegated), of_device.get("ansible_facts")


def result_for(variables: Mapping[str, Any], name: str | None) -> str | None:
    """The result of the host in the registered result `name` of the module vrp_ntp_multicast_fleet; None for none."""
    registered = variables.get(name) if name else None
    results = registered.get("device_results") if isinstance(registered, Mapping) else None
    return results.get(host_of(variables)) if isinstance(results, Mapping) else None


def given(found: str) -> dict[str, Any]:
    """The result that a task for many devices kept of this one, as JSON."""
    result: dict[str, Any] = json.loads(found)
    if result.get("unreachable"):
        # ansible-core 2.19 has put it there, and does so once more.
        raise AnsibleConnectionFailure(result["msg"].removeprefix("Task failed: "))
    return result
