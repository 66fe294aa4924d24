# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transcript of a session: what was typed and what came, one JSON object a line, without secrets.

What is masked in results and errors is masked here by the same hand. Of a configuration that holds more than NTP,
whatever follows a word that names a secret is masked too, since the form of a stored secret may be one not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..ntp.masking import MASK, mask
from .grammar.telling import told_without_secrets
from .pseudonyms import Pseudonyms
from .session import Recorded

FORMAT_VERSION = 1
_KEY = re.compile(
    r"(?i)\A(\s*(?:undo )?ntp(?:-service)?\s+authentication-keyid\s+\d+\s+authentication-mode\s+\S+)(.*)\Z"
)
_NAVIGATION = re.compile(
    r"(?i)(?:system-view|return|quit|commit|abort|clear|refresh|save|interface|rollback|undo configuration"
    r"|configuration)\b"
)
_OWN_DISPLAYS = re.compile(
    r"(?i)display (?:ntp(?:-service)?|version|clock|configuration (?:commit list|trial|sessions|exclusive))\b"
)


class Transcript:
    """Turns what sessions hand over into lines of a file.

    session: tells the sessions of one file apart
    secrets: what never was typed on a line, such as the login's password
    names: of the host, its address and the user; replaced, with whatever else names something, when anonymous
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        session: str,
        secrets: Iterable[str] = (),
        names: Iterable[str] = (),
        anonymous: bool = False,
    ) -> None:
        self._write = write
        self._session = session
        self._secrets = tuple(filter(None, secrets))
        self._pseudonyms = Pseudonyms(names) if anonymous else None

    def take(self, recorded: Recorded) -> None:
        """Write one line with its answer."""
        secrets = (*self._secrets, *recorded.secrets)
        line = recorded.line
        entry: dict[str, Any] = {"transcript": FORMAT_VERSION, "session": self._session}
        if line is not None:
            entry["line"] = self._typed(line, recorded.sysname, secrets)
        entry["shown"] = [self._shown(line, part, recorded.sysname, secrets) for part in recorded.shown]
        entry["replies"] = [mask(reply, secrets) for reply in recorded.replies]
        entry["prompt"] = self._prompt(mask(recorded.prompt, secrets), recorded.sysname)
        self._write(json.dumps(entry, ensure_ascii=False) + "\n")

    def _typed(self, line: str, sysname: str, secrets: Sequence[str]) -> str:
        masked = mask(line, secrets)
        kept = masked if _NAVIGATION.match(masked.strip()) or is_display(masked) else without_secrets(masked)
        return self._pseudonyms.typed(kept, sysname) if self._pseudonyms else kept

    def _shown(self, line: str | None, part: Sequence[str], sysname: str, secrets: Sequence[str]) -> list[str]:
        """The rows of an answer. They are masked together, since a device breaks its lines where it likes."""
        rows = mask("\n".join(part), secrets).split("\n") if part else []
        own = line is None or not is_display(line) or _OWN_DISPLAYS.match(line)
        if not own:
            rows = [without_secrets(row) for row in rows]
        if self._pseudonyms is None:
            return rows
        if line is None:
            return self._pseudonyms.login(rows, sysname)
        return self._pseudonyms.words(rows, sysname) if own else self._pseudonyms.configuration(rows, sysname)

    def _prompt(self, prompt: str, sysname: str) -> str:
        return self._pseudonyms.prompt(prompt, sysname) if self._pseudonyms else prompt


def is_display(line: str) -> bool:
    """Whether a line only shows something."""
    return line.strip().casefold().startswith("display ")


def without_secrets(row: str) -> str:
    """A line of a configuration with nothing in it that may be a secret. Of an NTP key the algorithm stays."""
    key = _KEY.match(row)
    if key is None:
        return told_without_secrets(row)
    return f"{key[1]} cipher {MASK}" if key[2].strip() else row
