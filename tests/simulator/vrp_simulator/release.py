# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs from one software release to another, as data. The releases themselves are in ``releases/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from .errors import SettingsError
from .interfaces import Family, InterfaceNames


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What public material does not settle (fact 8): a release has a default, a device file may say otherwise."""

    missing_key: str = "entry"  # a server line names an unknown key: refused at entry | commit, or accept
    key_in_use: str = "commit"  # undo of a key that a line still names: refused at entry | commit, or accept
    trust_with_key: str = "cascade"  # undo of a trusted key: cascade takes the trust away, refuse
    reenter: str = "replace"  # the same group with fewer options: replace resets the others, merge keeps them
    defaults_shown: bool = False  # an option typed with its default value is printed
    default_group: str = "bare"  # the default group is printed bare | explicit (fact 2.2: bare in manuals)
    option_order: tuple[str, ...] = ("authentication-keyid", "ttl", "version", "port")
    default_ttl: int = 16  # fact 1.3: 16 in YANG, 255 in one VRP5 manual
    complexity_check: bool = True  # fact 1.1: on by default on CE
    aes_complexity: bool = False  # whether the complexity rules also bind AES keys
    leaving: str = "ask"  # leaving the system view with pending lines: ask | drop (fact 3.3)
    commit_output: str = "silent"  # silent | done | dots (fact 3.2)
    first_line_disables: str = "unless-asked"  # the automatic lines win over an undo in the same candidate: always
    server_disable_asks: bool = False  # fact 1.5, last but one item
    forward_to_upper_view: bool = False  # "intelligent rollback", fact 3.1
    include_keeps_separators: bool = False  # fact 2.4: `| include` also prints `#` lines on NE
    interface_word_needs_number: bool = True  # fact 2.4: `display current-configuration interface` alone
    keyboard_interactive: bool = False  # fact 3.7
    # A commit goes on after its session was lost. What the others see of it meanwhile: session (it stays in the list of
    # sessions, its lock stays, other commits are refused as busy) | busy (these refusals only) | nothing
    lost_commit_shows: str = "session"
    own_server_sessions: bool = False  # fact 9.5: `sessions` lists the device's own multicast servers too
    sessions_table: bool = False  # fact 9.5: old releases print the sessions as a table
    permission_text: str = "Error: No permission to run the command."  # fact 3.6

    def changed(self, options: Mapping[str, object]) -> Behaviour:
        """Return a copy with the device's own settings; unknown names are an error."""
        known = {item.name for item in fields(self)}
        for name in options:
            if name not in known:
                raise SettingsError(f"behaviour.{name}: no such setting; known are {', '.join(sorted(known))}")
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
        return replace(self, **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words that differ between ``ntp`` and ``ntp-service`` (fact 0 item 1; fact 1.8 for `preferred`)."""

    command: str
    trusted: str
    preferred: str


NTP = Dialect("ntp", "trusted", "preferred")
NTP_SERVICE = Dialect("ntp-service", "reliable", "preference")

CARET_TEXTS: dict[str, str] = {  # fact 3.6
    "unrecognized": "Error: Unrecognized command found at '^' position.",
    "wrong": "Error: Wrong parameter found at '^' position.",
    "incomplete": "Error: Incomplete command found at '^' position.",
    "ambiguous": "Error: Ambiguous command found at '^' position.",
    "too-many": "Error: Too many parameters found at '^' position.",
}


@dataclass(frozen=True, slots=True)
class CipherShape:
    """Delimiters and whole lengths of reversible ciphertext (fact 2.3)."""

    opening: str
    closing: str
    lengths: tuple[int, ...]
    header: str = ""


@dataclass(frozen=True, slots=True)
class Save:
    """The dialog of ``save`` (fact 3.4)."""

    question: str = "Warning: The current configuration will be written to the device. Continue? [Y/N]:"
    progress: tuple[str, ...] = ("Now saving the current configuration to the slot 1 ..........",)
    done: tuple[str, ...] = ("Info: Save the configuration successfully.",)
    repeated: int = 1  # once for each main board


@dataclass(frozen=True, slots=True)
class Release:
    """One software release: its language, texts and defaults."""

    name: str
    version: str
    platform: str
    dialect: Dialect
    families: tuple[Family, ...]
    display_version: tuple[str, ...]
    behaviour: Behaviour
    cipher: CipherShape
    two_stage: bool = True
    # fact 2.1: the lines that open `display current-configuration`; {version} {updated} {saved}
    header: tuple[str, ...] = (
        "!Software Version {version}",
        "!Last configuration was updated at {updated}",
        "!Last configuration was saved at {saved}",
    )
    system_view_text: str = "Enter system view, return user view with return command."  # fact 3.1
    leaving_question: str = (  # fact 3.3, CE
        "Warning: Uncommitted configurations found. Are you sure to commit them before exiting? "
        "[Y(yes)/N(no)/C(cancel)]:"
    )
    save: Save = Save()
    carets: Mapping[str, str] = field(default_factory=lambda: CARET_TEXTS)
    automatic_lines: tuple[str, ...] = ("ipv4", "ipv6")  # fact 1.5: which `server disable` lines come by themselves
    enabled_server_printed: bool = False  # fact 1.5: NE prints `undo ntp-service server disable`
    source_all_disabled_printed: bool = False  # fact 1.5: V600 prints the pair on a device without NTP lines
    undo_takes_tail: bool = False  # fact 1.3: VRP5 manuals allow key, ttl and version in the undo
    cipher_takes_plain: bool = False  # fact 1.1: NE accepts readable text after `cipher`
    algorithms: tuple[str, ...] = ("md5", "hmac-sha256", "aes-128-cmac", "aes-256-cmac")
    md5_needs_weak_algorithms: bool = False  # fact 1.7
    diff_heading: str = "Building configuration"  # fact 3.2
    rollback_question: str = (
        "Warning: This operation will revert configuration changes to the previous status. Continue? [Y/N]:"
    )
    rollback_checks_changes: bool = False  # fact 3.2: `Checking changes...` on newer releases
    sub_separator: str = ""  # fact 2.1: ` #` between sub-views on older releases
    vty_limit: int = 21  # fact 3.7
    frequency: str = "60.0002"  # fact 2.4
    precision: str = "2^18"
    trailing_blanks: bool = False  # fact 2.4: VRP5
    session_first_blank: bool = False  # fact 2.4: the blank before `clock source` is missing in the CE manual
    shutdown_printed: bool = False  # NE prints ` undo shutdown` in the block of each port that is up
    lock_words: str = "exclusive"  # fact 3.2: NE says `configuration-occupied timeout`
    levels: Mapping[str, int] = field(default_factory=dict)  # overrides of the levels of fact 3.8
    quit_text: str = ""  # fact 3.7

    @property
    def names(self) -> InterfaceNames:
        return InterfaceNames(self.families)
