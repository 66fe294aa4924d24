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
        """Tell what was done already, or validate the options and work."""
        outcome = outcome_for(task_vars or {}, self._task.args.get("outcome_of"))
        return super().run(tmp, task_vars) if outcome is None else told(outcome)

    def arguments(self, task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """What the task says goes before what the variables say."""
        arguments = super().arguments(task_vars)
        if boolean(arguments.get("from_variables", False), strict=False):
            return {**options_from_variables(task_vars, self._templar), **arguments}
        return arguments

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        refuse_problems(options)
        warnings = warnings_about(options)
        states = {"rendered": self.rendered, "parsed": self.parsed, "gathered": self.gathered}
        if options["state"] in states:
            result = states[options["state"]](options)
        else:
            facts = task_vars.get("ansible_facts")
            result = configure(
                self.logins(), options, facts, check=bool(self._task.check_mode), host=host_of(task_vars)
            )
        result["warnings"] = warnings + result.get("warnings", [])
        return result

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
            "dialect": present.dialect.value if present.dialect else options["dialect"],
            "automatic": list(present.automatic),
            "warnings": unknown_lines(present.unknown),
        }


def host_of(variables: Mapping[str, Any]) -> str:
    """The name of the task's host in the inventory."""
    return str(variables.get("inventory_hostname", ""))


def outcome_for(variables: Mapping[str, Any], name: str | None) -> str | None:
    """The outcome of the host in the registered result `name` of the module vrp_ntp_multicast_fleet; None for none."""
    registered = variables.get(name) if name else None
    outcomes = registered.get("outcomes") if isinstance(registered, Mapping) else None
    return outcomes.get(host_of(variables)) if isinstance(outcomes, Mapping) else None


def told(outcome: str) -> dict[str, Any]:
    """What a task for many devices did with this one, which it kept as JSON."""
    result: dict[str, Any] = json.loads(outcome)
    if result.get("unreachable"):
        raise AnsibleConnectionFailure(result["msg"])
    return result
