# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.report_files import (
    folder_of,
    write_reports,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.reporting import Reporter
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import NTP_MULTICAST_REPORT
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.bounds import artifact
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.drift import About
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS


class ActionModule(ActionBase):  # type: ignore[misc]
    """Judges what the hosts of a play have in their variables, and writes it as reports."""

    _requires_connection = False
    VALIDATOR = ArgumentSpecValidator(**NTP_MULTICAST_REPORT)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Judge, and write."""
        super().run(tmp, task_vars)
        validation = self.VALIDATOR.validate(dict(self._task.args))
        if validation.error_messages:
            raise AnsibleActionFail(". ".join(validation.error_messages))
        options: Mapping[str, Any] = validation.validated_parameters
        directory, problems = _folder(options["directory"])
        now = datetime.now(timezone.utc)
        about = About(
            now.strftime("%Y-%m-%dT%H:%M:%SZ"), options["run_id"] or now.strftime(f"{options['kind']}-%Y%m%dT%H%M%SZ")
        )
        variables = (task_vars or {})["hostvars"]
        reporter = Reporter(options, variables, self._task, self._loader, directory)
        report, document = reporter.drift(about) if options["kind"] == "drift" else reporter.verify(about)
        written: list[str] = []
        if directory is not None:
            written, problems = write_reports(document, directory, options["formats"] or FORMATS)
        return {
            "changed": False,
            "report": report,
            "exit_code": document.exit_code.value,
            "artifact": artifact(document),
            "written": written,
            "problems": problems,
        }


def _folder(directory: str | None) -> tuple[Path | None, list[str]]:
    """The folder for the reports, or why there is none: what was found is told all the same."""
    try:
        return (folder_of(directory) if directory else None), []
    except OSError as error:
        return None, [f"{directory}: {error}"]
