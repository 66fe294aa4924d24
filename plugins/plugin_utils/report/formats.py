# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The views of a document: for each format its renderer and the end of its file's name.

A new view is a line in FORMATS. A renderer takes the document and gives the whole text of the file; it does no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from .document import Document


def as_json(document: Document) -> str:
    """The document itself."""
    return json.dumps(document.as_data(), indent=2, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Document], str]] = {
    "json": as_json,
}
"""By the name of the format, which is also how its file's name ends: drift.json, verify.junit.xml."""
