# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the demo that a user without root sees."""

from __future__ import annotations

import pathlib
import re
import subprocess

import needs

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo" / "demo_without_root"


@needs.unless(needs.no_user_namespaces())
def test_devices_converge_and_the_engine_hears_them() -> None:
    run = subprocess.run(
        [DEMO], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:]
    assert "Left out: the Linux hosts with systemd" in run.stdout
    assert "changed=0 for every host" in run.stdout
    for server, key in (("10.99.7.21", 42), ("fd00:99:7::22", 43)):
        assert re.search(rf"^\W*{server}\s.*key {key}\b", run.stdout, re.MULTILINE), run.stdout[-2000:]
