# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that a device may ask, each with the answer that can do no harm.

Rules of this file: a question that is not in the table has no answer. Yes is said only where our own line raised the
question and the
manual documents its effect; the question whether to commit uncommitted lines never gets a yes (fact 3.3).
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

# Facts 3.3 and 3.6: with or without a colon, with or without a blank before the bracket.
_ENDING = re.compile(
    r"(?:\[\s*(?:Y/N(?:/C)?|Y\(yes\)/N\(no\)(?:/C\(cancel\))?|yes/no)\s*\]\s*:?"
    r"|\((?:y/n|yes/no)\)\s*:?"
    r"|\*\.dat\)\s*:|(?:password|username|name)\s*:)\s*$",
    re.IGNORECASE,
)


class PromptContext(enum.Enum):
    """What the session is doing when a question comes."""

    LOGIN = "login"
    NAVIGATION = "navigation"
    CONFIGURATION = "configuration"
    COMMIT = "commit"
    LEAVING = "leaving"
    SAVE = "save"
    ABORT_TRIAL = "abort trial"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Question:
    """A known question: its words, when we expect it, the line of ours that raises it, and the answer.

    answer: None means to give up, telling `advice`
    """

    words: re.Pattern[str]
    occasions: frozenset[PromptContext]
    answer: str | None
    advice: str = ""
    line: re.Pattern[str] | None = None


def _question(words: str, answer: str | None, *occasions: PromptContext, advice: str = "", line: str = "") -> Question:
    return Question(
        words=re.compile(words, re.IGNORECASE | re.DOTALL),
        occasions=frozenset(occasions or PromptContext),
        answer=answer,
        advice=advice,
        line=re.compile(line, re.IGNORECASE) if line else None,
    )


KNOWN_QUESTIONS: tuple[Question, ...] = (
    # Fact 3.3. Navigation and leaving: N drops the lines, which are ours and refused, or were never asked for.
    # Elsewhere C stays, so that
    # the candidate can be cleared knowingly.
    _question(r"uncommitted configurations? found.*\[[^\]]*C[^\]]*\]", "N", PromptContext.LEAVING),
    _question(r"uncommitted configurations? found.*\[[^\]]*C[^\]]*\]", "C"),
    _question(r"please choose .*cancel.*\[Y/N/C\]", "N", PromptContext.LEAVING),
    _question(r"please choose .*cancel.*\[Y/N/C\]", "C"),
    # Fact 3.7.
    _question(
        r"password .*expired.*\[Y/N\]|password needs to be changed,? *continue",
        None,
        PromptContext.LOGIN,
        advice="The password of this account has expired. Change it in an interactive login, then run again.",
    ),
    _question(r"change\s+now\s*\?\s*\[Y/N\]", "N", PromptContext.LOGIN),
    _question(
        r"(old|new|confirm)\b.*password\s*:",
        None,
        PromptContext.LOGIN,
        advice="The device insists on a new password. Change it in an interactive login, then run again.",
    ),
    # Fact 1.5: raised by `ntp server source-interface all enable` and its IPv6 twin.
    _question(
        r"NTP (IPv4|IPv6) server listening all interface will be enabled\..*\[Y/N\]", "Y", PromptContext.CONFIGURATION
    ),
    # Fact 1.5: some releases ask on `ntp server disable`, in words that are not published. The question repeats what
    # the line says.
    _question(
        r"\bntp\b.*\[Y/N\]", "Y", PromptContext.CONFIGURATION, line=r"(undo )?ntp(-service)? (ipv6 )?server disable"
    ),
    # Fact 3.2.
    _question(r"trial configuration will be rolled back\..*\[Y/N\]", "Y", PromptContext.ABORT_TRIAL),
    # Fact 3.2: the question says what our own line asked for.
    _question(
        r"will revert configuration changes to .*\[Y/N\]",
        "Y",
        PromptContext.ROLLBACK,
        line=r"rollback configuration (to commit-id|to label|last) \S+",
    ),
    # Fact 3.4.
    _question(
        r"((current|all) configuration will be written|are you sure to (continue|save)).*\[Y/N\]",
        "Y",
        PromptContext.SAVE,
    ),
    # Fact 1.2: a second authentication is for a person.
    _question(
        r"high-risk command.*password\s*:",
        None,
        advice="The device wants the login password again for this line (secondary authentication). "
        "Exempt this account or the command.",
    ),
)


def looks_like_question(line: str) -> bool:
    """Whether an unfinished line waits for an answer."""
    return bool(_ENDING.search(line))


def known_question(text: str, occasion: PromptContext, line: str) -> Question | None:
    """The entry for the question that `text` (the question with the lines before it) ends with, raised by the line
    that was sent."""
    for question in KNOWN_QUESTIONS:
        if occasion not in question.occasions or not question.words.search(text):
            continue
        if question.line is None or question.line.fullmatch(line.strip()):
            return question
    return None


def declining_answer(text: str) -> str:
    """What leaves an unknown question with the least effect: cancel where that is offered, else no; an empty line for
    a free text."""
    if re.search(r"\[[^\]]*C[^\]]*\]\s*:?\s*$", text):
        return "C"
    return "N" if re.search(r"[\[(](y|yes)\W", text, re.IGNORECASE) else ""
