# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded part of `tests/benchmarks/engine_fuzz.py`, and what that has found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unit.engine.fuzz_targets import TARGETS
from unit.engine.fuzzing import ACCEPTED, Target, fuzz

from ntp_multicast_engine.config import configuration, key_file
from ntp_multicast_engine.config.schema import shown
from ntp_multicast_engine.errors import ConfigurationError


@pytest.mark.parametrize("kind", TARGETS, ids=lambda kind: kind.name)
def test_wrong_inputs_raise_only_documented_errors(kind: type[Target]) -> None:
    result = fuzz(kind, round(600 * kind.weight), seed=20_000)
    assert result.failure is None, f"{result.failure}\n{result.data.hex()}"
    assert len(result.outcomes) > 1 and result.outcomes[ACCEPTED] > 0


def test_a_failure_is_found_and_told() -> None:
    class Broken(Target):
        name = "broken"

        def make(self, chance: object) -> bytes:
            return b"\x01\x02"

        def take(self, data: bytes) -> str:
            raise ZeroDivisionError("by nothing")

    result = fuzz(Broken, 5, seed=1)
    assert result.failure == "input 0 of seed 1: ZeroDivisionError: by nothing" and result.data == b"\x01\x02"


@pytest.mark.parametrize("depth", [*range(960, 1000), 100_000])
@pytest.mark.parametrize("brackets", [("[", "]"), ('{"version":', "}")])
def test_a_value_that_is_nested_too_deeply(brackets: tuple[str, str], depth: int) -> None:
    """Python reads JSON that is nested nearly as deeply as it can bear, but can't write it when it is a little deeper
    in calls itself."""
    text = f'{{"version": {brackets[0] * depth}1{brackets[1] * depth}, "status_socket": "/s"}}'
    with pytest.raises(ConfigurationError):
        configuration.parse(text.encode(), "the file")


def test_a_complaint_shows_what_it_can() -> None:
    deep: list[object] = []
    for _unused in range(100_000):
        deep = [deep]
    assert "too deeply" in shown(deep)
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


def test_a_key_file_that_is_a_pipe_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys", 0o600)
    with pytest.raises(ConfigurationError, match="regular file"):
        key_file.load(tmp_path / "keys")


def test_a_key_file_has_an_end(tmp_path: Path) -> None:
    with (tmp_path / "keys").open("wb") as file:
        os.chmod(tmp_path / "keys", 0o600)
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationError, match="at most"):
        key_file.load(tmp_path / "keys")
