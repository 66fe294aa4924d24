# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a run has changed, and what came after it that would go with it.

A rollback made by a device is no commit of others here: the module that carries the rollback out sees whether anything
is left to take back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LAST = "last"
# A device forgets old commits, and does not tell of those that it forgot.
NOT_LISTED = "Left alone, since they do not list it (not changed by it, or too long ago) or have taken it back already:"
_MADE_FROM_TIME = re.compile(r"site-\d{8}T\d{6}Z")


@dataclass(frozen=True)
class Found:
    """What a host lists, the newest first: who or what made each change, by its run.

    forgotten: runs that it remembers without what was there before them
    reason: why it lists nothing
    """

    runs: Sequence[tuple[str | None, str]] = ()
    taken_back: Sequence[str] = ()
    forgotten: Sequence[str] = ()
    reason: str = ""

    @classmethod
    def of_device(cls, result: Mapping[str, Any]) -> Found:
        """From the result of vrp_commit."""
        commits = result.get("commits")
        if commits is None:
            return cls(reason=_reason(result))
        return cls([(commit["label"], _described(commit)) for commit in commits if commit["type"] != "ROLLBACK"])

    @classmethod
    def of_host(cls, result: Mapping[str, Any]) -> Found:
        """From the generations of a Linux host."""
        if result.get("generations") is None:
            return cls(reason=_reason(result))
        runs = [
            (entry["run_id"] or None, f"{entry['run_id'] or 'a run without an id'} at {entry['time']}")
            for entry in result["generations"]
        ]
        taken_back, forgotten = (
            [entry["run_id"] for entry in result.get(name) or ()] for name in ("taken_back", "forgotten")
        )
        return cls(runs, taken_back, forgotten)

    def others(self, run_id: str) -> list[str]:
        """What would go although it is none of the run."""
        own = [number for number, (label, _told) in enumerate(self.runs) if label == run_id]
        return [told for label, told in self.runs[: own[-1]] if label != run_id] if own else []

    def has_forgotten(self, run_id: str) -> bool:
        """Whether the run has changed the host and can't be taken back as a whole any more."""
        return run_id in self.forgotten and (self.has(run_id) or run_id not in self.taken_back)

    def has(self, run_id: str) -> bool:
        """Whether the host lists the run."""
        return any(label == run_id for label, _told in self.runs)


def plan(found: Mapping[str, Found], wanted: str, others: bool) -> dict[str, Any]:
    """The hosts to go back, and what is wrong with that.

    Args:
        found: what each host lists.
        wanted: the id of a run, or `last`.
        others: whether what others have changed may go too.
    """
    unknown = {host: each.reason for host, each in found.items() if each.reason}
    run_id = newest(found) if wanted == LAST else wanted
    problems = []
    if not wanted:
        problems.append("ntp_multicast_run_id has to name the run that is to be taken back, or be last.")
    elif not run_id:
        problems.append("ntp_multicast_run_id: last, but no host lists a run of the playbook site.")
    hosts = [host for host, each in found.items() if run_id and each.has(run_id)]
    done = [host for host, each in found.items() if run_id and run_id in each.taken_back]
    forgetful = [host for host, each in found.items() if run_id and each.has_forgotten(run_id)]
    if forgetful:
        problems.append(
            f"{', '.join(forgetful)}: changed by {run_id}, but what was there before is no longer kept "
            "(ntp_multicast_engine_generations). Describe it and run site, or leave these hosts out with --limit to "
            "take the others back."
        )
    elif run_id and not hosts and not done:
        problems.append(f"ntp_multicast_run_id: no host lists the run {run_id}. {_known(found)}")
    foreign = {host: found[host].others(run_id) for host in hosts} if run_id else {}
    for host, told in foreign.items():
        if told and not others:
            problems.append(
                f"{host}: going back to before {run_id} would also take back {'; '.join(told)}. "
                "Set ntp_multicast_rollback_others to true if that is meant."
            )
    lines = [f"Back to before {run_id}: {', '.join(hosts) or 'no host'}."] if run_id and not problems else []
    lines += [f"{host}: also takes back {'; '.join(told)}." for host, told in foreign.items() if told and others]
    left = [host for host in found if host not in hosts and host not in unknown]
    lines += [f"{NOT_LISTED} {', '.join(left)}."] if left and not problems else []
    return {"run_id": run_id or "", "hosts": hosts, "unknown": unknown, "problems": problems, "lines": lines}


def newest(found: Mapping[str, Found]) -> str:
    """The newest run whose id was made from the time; such ids sort by it."""
    labels = {label for each in found.values() for label, _told in each.runs if label}
    return max((label for label in labels if _MADE_FROM_TIME.fullmatch(label)), default="")


def _known(found: Mapping[str, Found]) -> str:
    labels = list(dict.fromkeys(label for each in found.values() for label, _told in each.runs if label))
    return f"The runs that they list: {', '.join(labels[:10])}." if labels else "They list no run at all."


def _described(commit: Mapping[str, Any]) -> str:
    label = f", label {commit['label']}" if commit["label"] else ""
    return f"commit {commit['id']} by {commit['user'] or 'unknown'} at {commit['time']} ({commit['type']}{label})"


def _reason(result: Mapping[str, Any]) -> str:
    return " ".join(str(result.get("msg") or "it gives no reason").split())
