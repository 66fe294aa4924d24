# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as SARIF 2.1.0, so that a forge shows each finding at the line of the inventory that describes the host.

What GitHub's code scanning wants is there: a rule, a text, one physical location, a partial fingerprint.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from .document import FINDING_TEXTS, Document, Finding, FindingKind, Host
from .words import headline

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/timecast/ansible-collection-ntp-multicast"
FINGERPRINT = "ntpMulticastFinding/v1"
RESULTS_MOST = 25000
"""More results of a run GitHub refuses."""

_RULES = tuple(FindingKind)


def as_sarif(document: Document) -> str:
    """The whole file."""
    results = [_result(document, host, finding) for host in document.hosts for finding in host.findings]
    left_off = len(results) - RESULTS_MOST
    notices = [{"level": "warning", "message": {"text": f"{left_off} more results are left off."}}]
    run = {
        "tool": {
            "driver": {
                "name": "timecast.ntp_multicast",
                "informationUri": HOME,
                "rules": [_rule(kind) for kind in _RULES],
            }
        },
        "automationDetails": {"id": f"ntp_multicast_{document.kind.value}/{document.run_id}"},
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": document.generated,
                "exitCode": document.exit_code.value,
                "exitCodeDescription": headline(document),
                "toolExecutionNotifications": notices if left_off > 0 else [],
            }
        ],
        "results": results[:RESULTS_MOST],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(kind: FindingKind) -> dict[str, Any]:
    name = "".join(part.capitalize() for part in kind.value.split("_"))
    return {
        "id": kind.value,
        "name": name,
        "shortDescription": {"text": FINDING_TEXTS[kind]},
        "helpUri": f"{HOME}/blob/main/docs/docsite/rst/guide_reports.rst",
        "defaultConfiguration": {"level": "error"},
    }


def _result(document: Document, host: Host, finding: Finding) -> dict[str, Any]:
    counts = document.keys_count or finding.kind is not FindingKind.KEY_NOT_COMPARED
    found: dict[str, Any] = {
        "ruleId": finding.kind.value,
        "ruleIndex": _RULES.index(finding.kind),
        "level": "error" if counts and not finding.allowed else "note",
        "message": {"text": f"{host.name}: {finding.text}"},
        "locations": [_location(host)],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
    }
    if finding.allowed:
        found["suppressions"] = [{"kind": "external", "justification": "ntp_multicast_drift_allowed names it."}]
    return found


def _location(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = {"logicalLocations": [{"name": host.name, "kind": "resource"}]}
    if host.location is not None:
        # Without a line the whole file is meant; code scanning wants a line all the same.
        found["physicalLocation"] = {
            "artifactLocation": {"uri": quote(host.location.file)},
            "region": {"startLine": host.location.line or 1},
        }
    return found
