# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one device to what the validated options ask for, and report it in the words of network resource modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ntp.key_memory import facts_from_memory
from ..ntp.options_codec import options_from_configuration
from ..vrp.candidate import CommitSettings
from ..vrp.dialect import Dialect
from ..vrp.grammar import configuration_text, typed_lines
from ..vrp.transaction import Logins, Report, converge
from .vrp_request import KEY_MEMORY, request_from_options

# The keys of a result that may show a secret, because the user asked for it or because a mask would spoil them.
UNMASKED_RESULTS = frozenset({"ansible_facts", "_ansible_facts_cacheable", "rendered"})


def configure(logins: Logins, options: Mapping[str, Any], facts: object, *, check: bool, host: str) -> dict[str, Any]:
    """Converge, or with `check` tell what would be done.

    Args:
        logins: the connection to the device.
        options: of the module vrp_ntp_multicast, validated.
        facts: the facts of the device, with what is remembered of its keys, or None.
        check: whether nothing may be written.
        host: the name for the header of the difference.

    Raises:
        NtpMulticastError: the description or the device does not allow it.
    """
    request = request_from_options(options, facts, check=check, retry=logins.retry)
    return reported(converge(logins, request), request.commit, host)


def reported(report: Report, commit: CommitSettings, host: str) -> dict[str, Any]:
    """A report as the result of a task."""
    dialect = report.dialect or Dialect.NTP
    result: dict[str, Any] = {
        "changed": report.changed,
        "before": options_from_configuration(report.before),
        "after": options_from_configuration(report.after),
        "commands": typed_lines(report.lines, masked=True),
        "dialect": report.dialect.value if report.dialect else None,
        "automatic": list(report.automatic),
        "saved": report.saved,
        "notices": list(report.kept),
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
