# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One description of the options: what is generated from it is what stands in the files, and validation obeys it."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options import (
    Bounds,
    ConfigOptions,
    Option,
    options_of,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems

ROOT = pathlib.Path(__file__).resolve().parents[4]


def test_what_is_generated_is_what_stands_in_the_files() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "tools" / "generate_options"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"Run tests/tools/generate_options.\n{done.stdout}{done.stderr}"


def walk(described: type[Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Option]]:
    for name, option in options_of(described):
        yield (*path, name), option
        if option.inside is not None:
            yield from walk(option.inside, (*path, name))


ALL = [pytest.param(path, option, id=".".join(path)) for path, option in walk(ConfigOptions)]
LISTS = {"keys", "interfaces", "servers", "clients", "upstream"}
BESIDES = {
    "keys": {"id": 1},
    "interfaces": {"name": "Vlanif1"},
    "servers": {},
    "clients": {},
    "upstream": {"address": "10.0.0.1"},
}


def config(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    if not rest:
        return {name: value}
    inside = config(tuple(rest), value)
    return {name: [{**BESIDES[name], **inside}] if name in LISTS else inside}


@pytest.mark.parametrize(("path", "option"), ALL)
def test_an_option_says_what_it_is_and_where_its_rule_is_from(path: tuple[str, ...], option: Option) -> None:
    assert option.text and option.source
    assert all(sentence.endswith(".") for sentence in option.sentences)


@pytest.mark.parametrize(("path", "option"), [p for p in ALL if p.values[1].bounds])
def test_validation_obeys_the_bounds(path: tuple[str, ...], option: Option) -> None:
    bounds = option.bounds
    assert bounds is not None
    for value in (bounds.least, bounds.most, *bounds.others):
        assert problems(config(path, value), platform="vrp") == []
    for value in (bounds.least - 1, bounds.most + 1, -1, 2**64):
        (problem,) = problems(config(path, value), platform="vrp")
        assert problem.path.endswith(path[-1]) and bounds.words in problem.rule


@pytest.mark.parametrize(("path", "option"), [p for p in ALL if p.values[1].choices])
def test_validation_obeys_the_choices(path: tuple[str, ...], option: Option) -> None:
    for value in option.choices:
        assert problems(config(path, value), platform="vrp") == []
    found = problems(config(path, "another"), platform="vrp")
    assert any(problem.path.endswith(path[-1]) and option.choices[0] in problem.rule for problem in found)


def test_bounds() -> None:
    bounds = Bounds(1025, 65535, (123,))
    assert [number in bounds for number in (123, 124, 1024, 1025, 65535, 65536, "1025", None)] == [
        *(True, False, False, True, True, False, False, False)
    ]
    assert bounds.words == "123 or from 1025 to 65535"
    assert bounds.markup == "V(123), or V(1025) to V(65535)."
