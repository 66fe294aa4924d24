# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The developer's page and its picture name rooms that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = REPOSITORY / "docs" / "docsite" / "rst" / "guide_how_it_works.rst"
PICTURE = REPOSITORY / "docs" / "images" / "rooms.svg"
BASES = [
    REPOSITORY,
    REPOSITORY / "plugins",
    REPOSITORY / "plugins" / "plugin_utils",
    REPOSITORY / "roles" / "ntp_multicast_engine" / "files" / "ntp_multicast_engine",
]


def there(name: str) -> bool:
    return any((base / name).exists() or (base / f"{name}.py").exists() for base in BASES)


def test_the_page_names_rooms_that_are_there() -> None:
    named = set(re.findall(r"``((?:\w+/)+(?:[\w.]+)?)``", PAGE.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert [name for name in sorted(named) if not there(name)] == []


def test_the_picture_names_rooms_that_are_there() -> None:
    texts = ElementTree.parse(PICTURE).iter("{http://www.w3.org/2000/svg}text")
    titles = " ".join(text.text or "" for text in texts if text.get("class") == "title")
    named = set(re.findall(r"(?:\w+/)+\w*", titles))
    assert len(named) > 10
    assert [name for name in sorted(named) if not there(name)] == []


def test_each_room_of_the_engine_is_in_the_picture() -> None:
    text = PICTURE.read_text(encoding="utf-8")
    rooms = [path.parent.name for path in BASES[-1].glob("*/__init__.py")]
    assert len(rooms) >= 8
    assert [room for room in rooms if f"{room}/" not in text] == []


def test_each_folder_of_code_says_what_it_knows() -> None:
    folders = {path.parent for base in BASES[2:] for path in base.rglob("*.py")} - set(BASES)
    assert len(folders) >= 17
    silent = []
    for folder in sorted(folders):
        door = folder / "__init__.py"
        if not door.is_file() or not ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))):
            silent.append(str(folder.relative_to(REPOSITORY)))
    assert silent == []
