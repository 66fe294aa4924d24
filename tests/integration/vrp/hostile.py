# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device may do to a run, the devices that do it, and what must be true afterwards."""

from __future__ import annotations

from typing import Any

from harness import RELEASES, LoginFailed, device

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError

# What a fault leads to: "applied", "unchanged", or "either" (truthfully told).
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "applied"),
    "small pieces": ({"chunk_size": 7}, "applied"),
    "wrapped echo": ({"echo_width": 60}, "applied"),
    "lost first character": ({"lose_first_character": True}, "applied"),
    "log lines": ({"log_lines": "always"}, "applied"),
    "time stamps": ({"timestamps": True, "timestamp_zone": " +03:00"}, "applied"),
    "progress": ({"progress": True}, "applied"),
    "banner": ({"banner": "Authorised only!\n<Welcome>\n[~CE1]\nreally? [Y/N] yes"}, "applied"),
    "initial password": ({"initial_password": True}, "applied"),
    "cipher like a prompt": ({"cipher_tail": "<D>"}, "applied"),
    "slow commit": ({"slow_commit": 0.8}, "applied"),
    "renamed by commit": ({"sysname_after_commit": "NEWNAME"}, "applied"),
    "conflict once": ({"conflict_times": 1}, "applied"),
    "conflict for ever": ({"conflict_times": -1}, "unchanged"),
    "busy once": ({"busy_times": 1}, "applied"),
    "busy for ever": ({"busy_times": -1}, "unchanged"),
    "stale": ({"stale_times": 1}, "applied"),
    "locked a while": ({"locked_by": 407, "lock_times": 2}, "applied"),
    "locked for ever": ({"locked_by": 407}, "unchanged"),
    "stage 2": ({"stage2_refusal": "multicast-server"}, "unchanged"),
    "stage 2 once": ({"stage2_refusal": "multicast-server", "stage2_times": 1}, "applied"),
    "refused line": ({"refused_lines": {"multicast-client": "Error: No."}}, "unchanged"),
    "foreign lines": ({"foreign_pending": ("sysname OTHER",)}, "unchanged"),
    "expired password": ({"expired_password": True}, "unchanged"),
    "lost before commit": ({"lose_session": "before-commit"}, "unchanged"),
    "lost during commit": ({"lose_session": "during-commit"}, "either"),
    "lost during commit, undone": ({"lose_session": "during-commit-undone"}, "unchanged"),
    "lost after commit": ({"lose_session": "after-commit"}, "either"),
    "lost at a line": ({"lose_session": "line:multicast-client"}, "unchanged"),
    "late echo": ({"late_echo": {"display current|multicast-client|^commit": 0.3}}, "applied"),
    "busy display": ({"busy_lines": {"display current": 2, "display ntp": 1, "display configuration": 1}}, "applied"),
    "busy on the way": ({"busy_lines": {"system-view": 1, "^interface": 2, "^quit": 1, "^return": 1}}, "applied"),
    "busy line": ({"busy_lines": {"multicast-": 2}}, "applied"),
    "busy display for ever": ({"busy_lines": {"display current": -1}}, "unchanged"),
    "busy view for ever": ({"busy_lines": {"^interface": -1}}, "unchanged"),
    "busy line for ever": ({"busy_lines": {"multicast-": -1}}, "unchanged"),
    "cut text": ({"cut_answers": {"display current": 300}}, "unchanged"),
    "cut end": ({"cut_answers": {"display current": -8}}, "unchanged"),
    "silent text": ({"cut_answers": {"display current": 300}, "cut_then": "silence"}, "unchanged"),
    "commit goes on": ({"lose_session": "while-committing", "slow_commit": 0.4}, "applied"),
    "mark in the echo": ({"echo_mark": " (+B)", "prompt_prefix": "HRP_M"}, "applied"),
    **{
        f"{form} logs{', wrapped' if width else ''}": (
            {"log_lines": "always", "log_form": form, "log_width": width},
            "applied",
        )
        for form in ("short-date", "format-date", "rfc-3339", "boot", "none")
        for width in (0, 80)
    },
    "buried prompts": ({"log_lines": "always", "log_redraws_prompt": False, "log_form": "format-date"}, "applied"),
    "buried under wrapped logs": ({"log_lines": "always", "log_redraws_prompt": False, "log_width": 80}, "applied"),
    "traps": ({"log_lines": "always", "log_redraws_prompt": False, "log_kind": "trap"}, "applied"),
    "debugging": ({"log_lines": "always", "log_redraws_prompt": False, "log_kind": "debugging"}, "applied"),
}
# These go on while nobody asks, so the client has to sit through its silences.
IN_REAL_TIME = ("commit goes on", "silent text")
# With a trial commit.
TRIAL_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "lost before the confirmation": ({"lose_session": "line:^commit$"}, "unchanged"),
    "lost after the confirmation": ({"lose_session": "taken:^commit$"}, "applied"),
    "no second login": ({"vty_limit": 1}, "unchanged"),
    "commit goes on": ({"lose_session": "while-committing", "slow_commit": 0.4}, "unchanged"),
}
STATES = ("merged", "replaced", "overridden", "deleted")


VARIANTS: dict[str, tuple[int, dict[str, Any]]] = {
    "V1": (1, {"commit_output": "done", "defaults_shown": True, "server_disable_asks": True, "reenter": "merge"}),
    "V2": (
        2,
        {
            "commit_output": "dots",
            "default_group": "explicit",
            "forward_to_upper_view": True,
            "leaving": "drop",
            "lost_commit_shows": "nothing",
        },
    ),
}
INTERFACES = {
    **{f"D-{release}": interface for release, interface in RELEASES.items()},
    "V1": "100GE1/0/1",
    "V2": "100GE1/0/1",
}


def entry(kind: str, name: str = "") -> dict[str, Any]:
    """The entry of a device file for a release (`D-...`) or a variant of what the facts call unknown (`V...`)."""
    if kind not in VARIANTS:
        return device(name or kind, kind.removeprefix("D-"), INTERFACES[kind], sysname="D", master_key="D")
    variant, behaviour = VARIANTS[kind]
    return device(
        name or kind,
        "ce-v300r023",
        INTERFACES[kind],
        sysname="D",
        master_key="D",
        wording_variant=variant,
        behaviour=behaviour,
    )


def all_devices() -> list[dict[str, Any]]:
    return [entry(kind) for kind in INTERFACES]


UNCHANGED = ("nothing was changed", "No configuration line was sent", "Nothing was committed", "Login to ")
CHANGED = ("The change is committed",)
GOES_BACK = "goes back by itself"
MAY_BE = ("may or may not", GOES_BACK)


def check_truth(error: NtpMulticastError | LoginFailed | None, before: list[str], after: list[str]) -> None:
    """What a failed run says of the device is true, in its words and in the result's `changed`."""
    if error is None:
        return
    check_words(str(error), error.changed, before, after)


def check_words(text: str, changed: bool, before: list[str], after: list[str]) -> None:
    said = [words for words in (*UNCHANGED, *CHANGED, *MAY_BE) if words in text]
    assert said, f"the error does not say what became of the device: {text}"
    if said[-1] in UNCHANGED:
        assert after == before, f"the error says that nothing was changed, but the device is another: {text}"
        assert not changed
    elif said[-1] in CHANGED:
        assert changed
    elif not changed:
        assert after == before
