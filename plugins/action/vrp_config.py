# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible import template

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.base import VrpAction
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import told_commit_settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_CONFIG
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.vrp_request import commit_settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commit_rules import (
    commit_problems,
    save_problems,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_lines import (
    FreeLine,
    lines_of_text,
    refuse_leaving,
    refuse_untypable,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_transaction import (
    FreeReport,
    FreeRequest,
    converge_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.request import Save


class ActionModule(VrpAction):
    """Free lines under views that the user names, in one transaction."""

    SPECIFICATION = VRP_CONFIG

    def work(self, options: dict[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Bring the device to the lines, and report."""
        if options["lines"] is options["src"] is None and not options["backup"] and options["save"] == "never":
            raise UserError("Nothing is asked for. Name lines or src, or set backup to true, or save.")
        if options["src"] is not None:
            options = {**options, "src": self.text_of_source(options["src"])}
        request = request_of(options, check=bool(self._task.check_mode))
        folder = None
        if options["backup"] and not self._task.check_mode:
            folder = Path(self._loader.path_dwim(options["backup_directory"]))
            refuse_unwritable(folder)
        host = str(task_vars.get("inventory_hostname", ""))
        report = converge_lines(self.logins(), request)
        result = reported(report, request.commit, host)
        if folder is not None:
            try:
                result["backup_path"] = str(keep(report.text_before, folder, host))
            except UserError as error:  # the device is changed by now: that is reported first
                result["warnings"].append(f"There is no backup. {error}")
        return result

    def text_of_source(self, source: str) -> str:
        """The text of a file beside the playbook or the role, with its Jinja filled in."""
        path = self._find_needle("templates", source)
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise UserError(f"src: {path} can't be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise UserError(f"src: {path} is no text in UTF-8.") from error
        # ansible-core 2.19 and newer fill in only what they are told to trust. The file is the user's own.
        trusted = getattr(template, "trust_as_template", lambda text: text)(text)
        return str(self._templar.template(trusted, preserve_trailing_newlines=True))


def request_of(options: Mapping[str, Any], *, check: bool) -> FreeRequest:
    """What the options ask for. Raises UserError."""
    parents = tuple(options["parents"])
    named = [(name, text) for name in ("parents", "lines", "before", "after") for text in options[name] or ()]
    refuse_untypable(named)
    refuse_leaving(named)
    commit = options["commit"] or {}
    if problems := commit_problems(commit) + save_problems(commit, options["save"]):
        raise UserError("\n".join(map(str, problems)))
    if options["src"] is not None:
        lines = lines_of_text(options["src"])
        of_source = [("src", text) for line in lines for text in (*line.parents, line.text)]
        refuse_untypable(of_source)
        refuse_leaving(of_source)
    else:
        lines = free_lines(options["lines"] or (), parents)
    return FreeRequest(
        lines=lines,
        before=free_lines(options["before"], parents),
        after=free_lines(options["after"], parents),
        check=check,
        save=Save(options["save"]),
        lock=options["lock"],
        allow_immediate=options["allow_immediate"],
        commit=commit_settings(commit),
    )


def free_lines(texts: Iterable[str], parents: tuple[str, ...]) -> tuple[FreeLine, ...]:
    """Lines under the same views."""
    return tuple(FreeLine(text, parents) for text in texts)


def reported(report: FreeReport, commit: CommitSettings, host: str) -> dict[str, Any]:
    """A report as the result of a task."""
    shown = [line.masked for line in report.sent]
    result: dict[str, Any] = {
        "changed": report.changed,
        "commands": shown,
        "saved": report.saved,
        "warnings": [
            f"The device took `{line.masked}` and does not show it in this spelling, so the next run will send it "
            "again. Write it as the device shows it."
            for line in report.other_spelling
        ]
        + words_worth_a_warning(report),
        "diff": {"prepared": "".join(f"+ {line}\n" for line in shown)},
    }
    if report.changed:
        result["commit"] = {"id": report.commit_id, **told_commit_settings(commit)}
    return result


def words_worth_a_warning(report: FreeReport) -> list[str]:
    """What the device said to lines: all of it where they changed nothing, since that may be why."""
    return [
        f"The device said to {notice}"
        for notice in report.notices
        if not report.changed or any(word in notice for word in ("Warning:", "Failed"))
    ]


def refuse_unwritable(folder: Path) -> None:
    """Raises UserError, before anything is sent, for a folder in which nothing can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"backup_directory: {folder} can't be written: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"backup_directory: {folder} can't be written by this user.")


def keep(text: str, folder: Path, host: str) -> Path:
    """Write the configuration to a file of the controller that only its owner can read; its path."""
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{host or 'device'}_{stamp}.cfg"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        raise UserError(f"backup_directory: {folder} can't be written: {error.strerror}.") from error
    return path
