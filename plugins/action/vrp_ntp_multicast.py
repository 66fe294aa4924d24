# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_NTP_MULTICAST
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.variables import options_from_variables
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.vrp_request import (
    KEY_MEMORY,
    chosen_dialect,
    refuse_problems,
    request_from_options,
    warnings_about,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.boundary import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import facts_from_memory
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate_transaction import (
    Report,
    converge,
    gather,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    configuration_text,
    parse_configuration,
    render_configuration,
    typed_lines,
)


class ActionModule(VrpAction):
    """The NTP multicast configuration of one device, in one task and one transaction."""

    SPECIFICATION = VRP_NTP_MULTICAST
    UNMASKED_RESULTS = VrpAction.UNMASKED_RESULTS | {"rendered"}

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
        result = (
            states[options["state"]](options) if options["state"] in states else self.configured(options, task_vars)
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
        present = parse_configuration(options["running_config"], chosen_dialect(options))
        return {
            "parsed": options_from_configuration(present.configuration),
            "dialect": present.dialect.value if present.dialect else options["dialect"],
            "warnings": unknown_lines(present.unknown),
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

    def configured(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """What was changed, or with check mode would be."""
        logins = self.logins()
        request = request_from_options(
            options, task_vars.get("ansible_facts"), check=bool(self._task.check_mode), patience=logins.patience
        )
        report = converge(logins, request)
        return self.reported(report, request.commit, str(task_vars.get("inventory_hostname", "")))

    def reported(self, report: Report, commit: CommitSettings, host: str) -> dict[str, Any]:
        """A report in the words of network resource modules."""
        dialect = report.dialect or Dialect.NTP
        result: dict[str, Any] = {
            "changed": report.changed,
            "before": options_from_configuration(report.before),
            "after": options_from_configuration(report.after),
            "commands": typed_lines(report.lines, masked=True),
            "dialect": report.dialect.value if report.dialect else None,
            "automatic": list(report.automatic),
            "saved": report.saved,
            "diff": {
                "before_header": f"{host} (before)",
                "after_header": f"{host} (after)",
                "before": configuration_text(report.before, dialect),
                "after": configuration_text(report.predicted, dialect),
            },
            "warnings": unknown_lines(report.unknown) + [notice for notice in report.notices if "Warning:" in notice],
        }
        if report.changed:
            result["commit"] = {"id": report.commit_id, "label": commit.label, "trial": commit.trial}
        if report.memory is not None:
            result["ansible_facts"] = {KEY_MEMORY: facts_from_memory(report.memory)}
            result["_ansible_facts_cacheable"] = True
        return result


def unknown_lines(lines: tuple[str, ...]) -> list[str]:
    """A warning for each NTP line that the collection does not understand and leaves alone."""
    return [f"NTP line that is not understood and left alone: {line}" for line in lines]
