# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
from typing import Any

import pytest

from vrp_simulator.errors import SettingsError
from vrp_simulator.settings import settings_from
from vrp_simulator.testing import running_devices

BASE = pathlib.Path("/nowhere")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "the file: a mapping is needed"),
        ({}, "devices: a list"),
        ({"devices": []}, "devices: a list"),
        ({"devices": [{"name": "A"}], "more": 1}, r"the file\.more: no such option"),
        ({"devices": [{}]}, r"devices\[0\]\.name"),
        ({"devices": [{"name": "A", "colour": 1}]}, r"devices\[0\]\.colour: no such option"),
        ({"devices": [{"name": "A"}, {"name": "A"}]}, "used twice"),
        ({"devices": [{"name": "A", "interfaces": [{"name": "x", "ipv4": "10.0.0.300"}]}]}, r"interfaces\[0\]\.ipv4"),
        ({"devices": [{"name": "A", "users": [{"name": "u"}]}]}, "users"),
        ({"devices": [{"name": "A"}], "ntp": {"command": "engine"}}, r"ntp\.command"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(data: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_from(data, BASE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"release": "vrp4"}, "known are ar-v300r024"),
        ({"behaviour": {"mood": "bad"}}, r"behaviour\.mood"),
        ({"wordings": {"mood": "bad"}}, r"wordings\.mood"),
        ({"faults": {"mood": "bad"}}, r"faults\.mood"),
        ({"startup_configuration": "#\nntp nonsense\n#\n"}, "ntp nonsense"),
    ],
)
def test_a_wrong_device_is_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words), running_devices([{"name": "A", **options}]):
        pass


def test_the_startup_configuration_may_be_a_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "start.cfg").write_text("#\nntp refclock-master 3\n#\n", encoding="utf-8")
    settings = settings_from({"devices": [{"name": "A", "startup_configuration": "start.cfg"}]}, tmp_path)
    with running_devices(settings.devices) as devices:
        assert "ntp refclock-master 3\n" in devices["A"].running_configuration()


def test_a_password_is_not_in_a_repr() -> None:
    settings = settings_from({"devices": [{"name": "A", "users": [{"name": "u", "password": "Hush-1"}]}]}, BASE)
    assert "Hush-1" not in repr(settings)
