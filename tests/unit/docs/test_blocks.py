# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of code in the documents: each has a language, YAML and JSON are read, plays and tasks pass a syntax check."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst"))
MARKDOWN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/awx/*.md"), *ROOT.glob("roles/*/README.md")]
PAGE_BLOCK = re.compile(r"^( *)\.\. code-block::(?: (\S+))?\n\n((?:(?:\1 +.*)?\n)+)", re.MULTILINE)
MARKDOWN_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LANGUAGES = {"yaml", "json", "bash", "console", "ini", "text"}


class Loader(yaml.SafeLoader):
    """Ansible's own tags, read as texts."""


for tag in ("!unsafe", "!vault"):
    Loader.add_constructor(tag, lambda loader, node: loader.construct_scalar(node))


@dataclass(frozen=True)
class Block:
    place: str
    language: str
    text: str


def blocks() -> Iterator[Block]:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for found in PAGE_BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(f"{path.relative_to(ROOT)}:{line}", found[2] or "", textwrap.dedent(found[3]))
    for path in MARKDOWN:
        text = path.read_text(encoding="utf-8")
        for found in MARKDOWN_BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Block(f"{path.relative_to(ROOT)}:{line}", found[1], found[2])


BLOCKS = list(blocks())


def of_language(language: str) -> list[Any]:
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language == language]


def test_there_are_blocks_of_each_kind() -> None:
    assert {block.language for block in BLOCKS} == LANGUAGES, [b.place for b in BLOCKS if b.language not in LANGUAGES]
    assert len(of_language("yaml")) > 30


@pytest.mark.parametrize("block", of_language("yaml"))
def test_yaml_is_read(block: Block) -> None:
    assert yaml.load(block.text, Loader) is not None


@pytest.mark.parametrize("block", of_language("json"))
def test_json_is_read(block: Block) -> None:
    assert json.loads(block.text)


def plays_of(block: Block) -> list[dict[str, Any]]:
    """A block's plays, or one made of its tasks; none where it holds variables."""
    found = yaml.load(block.text, Loader)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return []
    if all("hosts" in item or any("import_playbook" in key for key in item) for item in found):
        return found
    if all(any("." in key for key in item) for item in found):
        return [{"hosts": "all", "gather_facts": False, "tasks": found}]
    return []


def test_plays_and_tasks_pass_a_syntax_check(tmp_path: pathlib.Path) -> None:
    """All in one process: an Ansible of its own for each would take minutes."""
    written = {}
    for number, block in enumerate(block for block in BLOCKS if block.language == "yaml"):
        plays = plays_of(block)
        if plays:
            path = tmp_path / f"block_{number}.yml"
            path.write_text(f"# {block.place}\n{yaml.safe_dump(plays, sort_keys=False)}", encoding="utf-8")
            written[path] = block.place
    assert len(written) >= 4
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")} | {
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    done = subprocess.run(
        [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", "CE1,", "--syntax-check", *written],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{written}"


def test_no_block_of_the_tutorial_says_what_another_page_says() -> None:
    """A file or a command that stands twice is soon two."""
    seen: dict[str, str] = {}
    for block in BLOCKS:
        if block.language in ("yaml", "json") and block.text.count("\n") > 8 and "README" not in block.place:
            assert block.text not in seen, f"{block.place} repeats {seen[block.text]}"
            seen[block.text] = block.place
