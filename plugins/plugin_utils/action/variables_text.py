# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables as the text of a YAML file, with comments.

What was read from a device is data: a text in it that Ansible would take for a template is written as `!unsafe`, and a
comment is always one line of printable characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..ntp.masking import shown

WIDTH = 120
_LONG = 80  # a text that is better folded below its name


class Trusted(str):
    """A template that we wrote ourselves."""


@dataclass(frozen=True)
class Commented:
    """A value with the comment that stands above it."""

    value: Any
    comment: str


class _Dumper(yaml.SafeDumper):
    """Lists are indented under their name, and nothing is an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, given: str) -> yaml.Node:
    text = str.__str__(given)  # Ansible has kinds of text of its own.
    if any(mark in text for mark in ("{{", "{%", "{#")):
        return dumper.represent_scalar("!unsafe", text, style='"')
    return dumper.represent_str(text)


def _template(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if len(text) < _LONG else ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, _text)
_Dumper.add_representer(Trusted, _template)


def text_of(variables: Mapping[str, Any], heading: Iterable[str] = ()) -> str:
    """The text of a file of variables, in their order."""
    parts = ["---", *map(comment_line, heading)]
    for name, value in variables.items():
        comment, bare = (value.comment, value.value) if isinstance(value, Commented) else ("", value)
        parts += ["", *([comment_line(comment)] if comment else [])]
        parts.append(
            yaml.dump({name: bare}, Dumper=_Dumper, sort_keys=False, width=WIDTH, allow_unicode=False).rstrip("\n")
        )
    return "\n".join(parts) + "\n"


def comment_line(text: str) -> str:
    """One line of a comment, whatever the text."""
    return f"# {shown(text).replace(chr(10), ' ')}".rstrip()
