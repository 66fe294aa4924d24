# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device is: `display version` as data, and whether it has a candidate configuration (fact 3.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import ParseError
from .session import Session
from .session.questions import PromptContext

_VERSION = re.compile(r"(?:VRP \(R\) software, )?Version (?P<system>\S+) \((?P<image>[^()]+)\)")
_MODEL = re.compile(r"HUAWEI (?P<model>\S+(?: \S+){0,3}) uptime is (?P<uptime>.+)", re.IGNORECASE)
_PATCH = re.compile(r"Patch Version: ?(?P<patch>\S+)", re.IGNORECASE)
_RELEASE = re.compile(r"V\d{3}R\d{3}\S*")


@dataclass(frozen=True)
class Version:
    """`display version`.

    Attributes:
        system: `VRP` or `YunShan OS`.
        system_version: of the operating system, such as 8.180.
        release: of the device's software, such as V200R005C10SPC800.
        model: None where the text does not tell.
        uptime: in the device's words, None where the text does not tell.
        patches: those that the text names.
    """

    system: str
    system_version: str
    release: str
    model: str | None = None
    uptime: str | None = None
    patches: tuple[str, ...] = ()


def parse_version(text: str) -> Version:
    """Raises ParseError for a text that is no answer to `display version`."""
    found = next(filter(None, map(_VERSION.search, text.split("\n"))), None)
    if found is None:
        raise ParseError("The answer to `display version` was not understood.", words=text.strip()[:200])
    model = next(filter(None, map(_MODEL.search, text.split("\n"))), None)
    release = _RELEASE.search(found["image"])
    return Version(
        system="YunShan OS" if "YunShan OS" in text else "VRP",
        system_version=found["system"],
        release=release.group() if release else found["image"],
        model=model["model"] if model else None,
        uptime=model["uptime"].strip() if model else None,
        patches=tuple(patch["patch"] for line in text.split("\n") if (patch := _PATCH.search(line))),
    )


def read_version(session: Session) -> Version:
    """What the device says of itself."""
    return parse_version(session.show("display version").text)


def has_candidate(session: Session) -> bool:
    """Whether lines take effect with a commit only. The prompt of the system view tells (fact 3.9)."""
    session.ask("system-view").expect("to enter the system view")
    two_stage = session.prompt.two_stage
    session.ask("return", occasion=PromptContext.LEAVING)
    return two_stage
