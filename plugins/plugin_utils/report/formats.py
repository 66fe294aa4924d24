# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The views of a document: for each format its renderer.

A new view is a line in FORMATS. A renderer takes the document and gives the whole text of the file; it does no I/O.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from .document import Document, Kind
from .junit import as_junit
from .markdown import as_markdown
from .prometheus import as_prometheus
from .sarif import as_sarif
from .visible import made_visible

View = Callable[[Document], str]


def as_json(document: Document) -> str:
    """The document itself."""
    text = json.dumps(document.as_data(), indent=2, ensure_ascii=False) + "\n"
    # Half a surrogate has no place in UTF-8; what stands for it is JSON's own escape.
    return text.encode("utf-8", "backslashreplace").decode()


def as_html(document: Document) -> str:
    """The page."""
    # Ansible compiles what a playbook imports anew in each run, and few of them write a page.
    from .html import page

    return page.as_html(document)


def _visibly(view: View) -> View:
    """The view of a document in which no name steers what shows it."""

    def rendered(document: Document) -> str:
        return view(made_visible(document))

    return rendered


FORMATS: Mapping[str, View] = {
    "json": as_json,
    "junit": _visibly(as_junit),
    "sarif": _visibly(as_sarif),
    "md": _visibly(as_markdown),
    "html": as_html,
    "prom": _visibly(as_prometheus),
}
"""By the name of the format, as ntp_multicast_report_formats has it."""

_ENDINGS = {"junit": "junit.xml"}


def file_name(kind: Kind, name: str) -> str:
    """The name of the file of a format: drift.json, verify.junit.xml."""
    return f"{kind.value}.{_ENDINGS.get(name, name)}"
