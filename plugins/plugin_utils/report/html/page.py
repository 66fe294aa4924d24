# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: one HTML file that asks for nothing from anywhere, and that runs nothing but its own script.

Rules of this file: every text goes through the template's escaping; styles and script are named by their hashes in the
page's Content-Security-Policy, so that a text which got through all the same could neither run nor load anything.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ..document import Document
from ..visible import made_visible
from .offsets import offset_text, size_text
from .texts import several
from .view import STATE_TEXTS, page_of

_HERE = Path(__file__).parent


def as_html(document: Document) -> str:
    """The document as a page."""
    style, script = _text("page.css"), _text("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page_of(made_visible(document)),
            style=Markup(style),
            script=Markup(script),
            policy=(
                f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
                "base-uri 'none'; form-action 'none'"
            ),
        )
    )


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(several=several, offset=offset_text, size=size_text)
    environment.globals.update(state_texts=STATE_TEXTS)
    return environment


@functools.lru_cache(maxsize=2)
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
