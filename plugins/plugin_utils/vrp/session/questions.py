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
from collections.abc import Sequence
from dataclasses import dataclass

_TAIL = 240  # characters of a line that tell whether it asks
# `Y/N`, `y(yes)/n(no)`, `y[es]|n[o]`, `Y-N`, `yes or no`, `Y for yes, N for no`, one of them perhaps in brackets.
_CHOICE = re.compile(
    r"[\s(\[{<]*(?:y(?:\[?es\]?)?(?:\(yes\))?[)\]}>]?(?:\s*[/|,-]\s*|\s+or\s+)[(\[{<]?n"
    r"|no?(?:\(no\))?\s*[/|]\s*y(?:es)?\b|y for yes\b)",
    re.IGNORECASE,
)
_BARE_CHOICE = re.compile(
    r"(?:(?:\b|\[)(?:y\]?(?:es)?(?:\[y\])?(?:/|\s+or\s+)\[?n\]?o?|no?/y(?:es)?)|\[y\]/)(?P<cancel>/c(?:ancel)?)?$",
    re.IGNORECASE,
)
_NAMED_DEFAULT = re.compile(r"[,;]\s*(?P<default>default(?: is)?\s?:?\s?\w{1,3})$", re.IGNORECASE)
# As they stand beside a question in Chinese: colon, question mark, full stop.
_AFTER = ":? \t\uff1a\uff1f\u3002"
_NAME_WITH_DEFAULT = re.compile(r"\bname\s*$", re.IGNORECASE)
_CANCEL = re.compile(r"[/|,]\s*c(?:ancel)?\b", re.IGNORECASE)
_FILE_TYPE = re.compile(r"\*\.[a-z]{2,4}\b", re.IGNORECASE)
_FREE_TEXT = re.compile(r"(?:password|name|press (?:the )?enter(?: key)?\)?)\s?:$", re.IGNORECASE)
_LONGEST_FREE_TEXT = 40
_BRACKETS = {"]": "[", ")": "(", "}": "{", ">": "<"}
_MOST_BRACKETS = 3
_LONGEST_QUESTION = 2000


@dataclass(frozen=True)
class Ending:
    """How an open question ends (facts 3.3, 3.6 and 9.3).

    choice: "Y/N" or "Y/N/C", "" for a free text
    default: what an empty line answers, "" for nothing that is told
    begins: where in the line the ending begins
    """

    choice: str
    default: str
    begins: int


def ending_of(line: str) -> Ending | None:
    """The ending of a line that waits for an answer, None for any other line.

    With or without a colon, with or without blanks, and perhaps with the default in brackets of its own behind the
    choices: `[Y/N]`, `(y/n)[n]:`, `[Y/N][N]:`, `( *.cfg, *.zip ) [ vrpcfg.zip ] :`.
    """
    text = line.rstrip()
    before = len(text) - len(text[-_TAIL:])
    tail = text[before:]
    default = ""
    rest = tail.rstrip(_AFTER)
    named = _NAMED_DEFAULT.search(rest)
    if named is not None:
        rest, default = rest[: named.start()], named["default"]
    for _unused in range(_MOST_BRACKETS):
        rest = rest.rstrip(_AFTER)
        if not rest or rest[-1] not in _BRACKETS:
            break
        begins = _opening(rest)
        if begins < 0:
            break
        inside = rest[begins + 1 : -1].strip()
        if _CHOICE.match(inside):
            return Ending("Y/N/C" if _CANCEL.search(inside) else "Y/N", default, before + begins)
        if _FILE_TYPE.search(inside) and tail.endswith(":"):
            return Ending("", default, before + begins)
        default = inside
        rest = rest[:begins]
    bare = _BARE_CHOICE.search(rest)
    if bare is not None and tail != rest:
        return Ending("Y/N/C" if bare["cancel"] else "Y/N", default, before + bare.start())
    if default and tail.endswith(":") and _NAME_WITH_DEFAULT.search(rest[-_LONGEST_FREE_TEXT:]):
        return Ending("", default, before + len(rest))
    if _FREE_TEXT.search(tail[-_LONGEST_FREE_TEXT:]):
        return Ending("", "", len(text))
    return None


def _opening(text: str) -> int:
    """Where the bracket is opened that the text ends with closing; -1 when nowhere."""
    closing = text[-1]
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        if text[position] == closing:
            depth += 1
        elif text[position] == _BRACKETS[closing]:
            depth -= 1
            if depth == 0:
                return position
    return -1


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
    EXPLICIT = "explicit"  # a line of the user's, with answers of his own


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


@dataclass(frozen=True)
class ExpectedQuestion:
    """A question that the user expects, by a text that it contains, and his answer."""

    contains: str
    answer: str


def expected_answer(text: str, expected: Sequence[ExpectedQuestion]) -> str | None:
    """The user's answer to the question that `text` ends with, None where he gave none."""
    folded = " ".join(text.split()).casefold()
    for question in expected:
        if " ".join(question.contains.split()).casefold() in folded:
            return question.answer
    return None


def _question(words: str, answer: str | None, *occasions: PromptContext, advice: str = "", line: str = "") -> Question:
    return Question(
        words=re.compile(words, re.IGNORECASE | re.DOTALL),
        occasions=frozenset(occasions or PromptContext),
        answer=answer,
        advice=advice,
        line=re.compile(line, re.IGNORECASE) if line else None,
    )


_NO_MORE_THAN_SAVING = (
    r"\A(?!.*\b(?:uncommitted|delet|eras|format|reboot|los[et]\b|revert|roll|trial"
    r"|will (?:be )?(?:re(?:start|set|load)|clear)))"
)

KNOWN_QUESTIONS: tuple[Question, ...] = (
    # Fact 3.3. Navigation and leaving: N drops the lines, which are ours and refused, or were never asked for.
    # Elsewhere C stays, so that
    # the candidate can be cleared knowingly.
    _question(r"uncommitted configurations? found.*\[[^\]]*C[^\]]*\]", "N", PromptContext.LEAVING),
    _question(r"uncommitted configurations? found.*\[[^\]]*C[^\]]*\]", "C"),
    _question(r"please choose .*cancel.*\[Y/N/C\]", "N", PromptContext.LEAVING),
    _question(r"please choose .*cancel.*\[Y/N/C\]", "C"),
    _question(r"\buncommitted\b.*\[Y/N\]", "N", PromptContext.LEAVING),
    _question(r"\buncommitted\b.*\[Y/N\]", None, advice="Whether to commit uncommitted lines is not decided here."),
    # Fact 3.7.
    _question(
        r"password .*expired.*\[Y/N\]|password needs to be changed,? *continue",
        None,
        PromptContext.LOGIN,
        advice="The password of this account has expired. Change it in an interactive login, then run again.",
    ),
    _question(
        r"change\s+now\s*\?\s*\[Y/N\]"
        r"|\bpassword\b.*\bchange (it|them|the password|your password|the initial password)( now)?\s*\?\s*\[Y/N\]",
        "N",
        PromptContext.LOGIN,
    ),
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
        r"\A(?!.*\b(?:delet|eras|format|reboot|restart|reset|los[et]\b|clear|uncommitted)).*\bntp\b.*\[Y/N\]",
        "Y",
        PromptContext.CONFIGURATION,
        line=r"(undo )?ntp(-service)? (ipv6 )?server disable",
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
    # Facts 3.4 and 9.3. The startup file is written over: that is what saving is. Whatever else shall happen is not.
    _question(
        rf"{_NO_MORE_THAN_SAVING}.*(\bconfigurations? (\([^()]*\) )?(will|shall) be (written|saved)"
        r"|\b(save|write)\b.{0,60}\bconfigurations?\b|\bare you sure (you want )?to (continue|save)\b"
        r"|\b(over-?write)\b).*\[Y/N\]",
        "Y",
        PromptContext.SAVE,
    ),
    # Fact 9.3: the name of the present startup file is the default.
    _question(r"file ?name\b.*(\[default\]|\bpress (the )?enter\b)", "", PromptContext.SAVE),
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
    return ending_of(line) is not None


def known_question(text: str, occasion: PromptContext, line: str) -> Question | None:
    """The entry for the question that `text` (the question with the lines before it) ends with, raised by the line
    that was sent."""
    plain = _plain(text)
    for question in KNOWN_QUESTIONS:
        if occasion not in question.occasions or not question.words.search(plain):
            continue
        if question.line is None or question.line.fullmatch(line.strip()):
            return question
    return None


def _plain(text: str) -> str:
    """The question with its ending as most releases write it, so that the table needs no other."""
    before, newline, last = text.rpartition("\n")
    ending = ending_of(last)
    if ending is None:
        return text[-_LONGEST_QUESTION:]
    asked = f"[{ending.choice}]" if ending.choice else "[default]" if ending.default else last[ending.begins :]
    return (before + newline + last[: ending.begins] + asked)[-_LONGEST_QUESTION:]


def declining_answer(text: str) -> str:
    """What leaves an unknown question with the least effect: cancel where that is offered, else no; an empty line for
    a free text."""
    ending = ending_of(text.rpartition("\n")[2])
    if ending is None or not ending.choice:
        return ""
    return "C" if ending.choice == "Y/N/C" else "N"
