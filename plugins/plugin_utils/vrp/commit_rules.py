# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit may carry (fact 3.2), and which characters of it can be typed without harm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..ntp.validation import Problem, quoted

TRIAL_LEAST, TRIAL_MOST = 60, 65535
LABEL_MOST, DESCRIPTION_MOST = 256, 60

_SOURCE = "CE6800 command reference, commit; YANG module huawei-cfg"
# The reference bounds the lengths alone. `?` opens the help, `|` filters, quotation marks limit a value: only
# characters that mean nothing to a command line are let through.
_LABEL = re.compile(r"[A-Za-z_.:/@+=,][A-Za-z0-9_.:/@+=,-]*")
_DESCRIPTION = re.compile(r"[A-Za-z0-9_.:/@+=,()-](?:[A-Za-z0-9_.:/@+=,()# -]*[A-Za-z0-9_.:/@+=,()#-])?")

_LABEL_RULE = (
    f"it has to be 1 to {LABEL_MOST} characters, letters, digits and _ . : / @ + = , - without blanks, and not "
    "begin with a digit or a hyphen"
)


def commit_problems(commit: Mapping[str, Any] | None, name: str = "commit") -> list[Problem]:
    """Return what is wrong with the option ``commit``, by the name that the user wrote."""
    found = []
    trial, label, description = ((commit or {}).get(option) for option in ("trial", "label", "description"))
    if trial is not None and not (isinstance(trial, int) and TRIAL_LEAST <= trial <= TRIAL_MOST):
        rule = f"it has to be from {TRIAL_LEAST} to {TRIAL_MOST} seconds"
        found.append(Problem(f"{name}.trial", quoted(trial), rule, _SOURCE))
    if label is not None and not is_label(str(label)):
        found.append(Problem(f"{name}.label", ascii(label), _LABEL_RULE, _SOURCE))
    if description is not None and not is_description(str(description)):
        rule = (
            f"it has to be 1 to {DESCRIPTION_MOST} characters, letters, digits, blanks and _ . : / @ + = , ( ) # -, "
            "and neither begin with # nor begin or end with a blank"
        )
        found.append(Problem(f"{name}.description", ascii(description), rule, _SOURCE))
    if (commit or {}).get("confirm") is not None and trial is None:
        rule = "it says what confirms a trial commit, so it needs trial, the seconds of the trial"
        found.append(Problem(f"{name}.confirm", quoted((commit or {}).get("confirm")), rule, _SOURCE))
    return found


def run_id_problems(run_id: object, name: str = "run_id") -> list[Problem]:
    """Return what is wrong with the id of a run, which is the label of its commits."""
    if run_id in (None, "") or is_label(str(run_id)):
        return []
    return [Problem(name, ascii(run_id), _LABEL_RULE, _SOURCE)]


def save_problems(commit: Mapping[str, Any] | None, save: object, name: str = "save") -> list[Problem]:
    """Return what is wrong with saving after such a commit."""
    if (commit or {}).get("confirm") != "none" or save in (None, "never"):
        return []
    rule = "what is on trial can't be saved; with the confirmation none it has to be never"
    return [Problem(name, quoted(save), rule, _SOURCE)]


def is_label(text: str) -> bool:
    """Whether a commit may carry this label."""
    return len(text) <= LABEL_MOST and _LABEL.fullmatch(text) is not None


def is_description(text: str) -> bool:
    """Whether a commit may carry this description."""
    return len(text) <= DESCRIPTION_MOST and _DESCRIPTION.fullmatch(text) is not None
