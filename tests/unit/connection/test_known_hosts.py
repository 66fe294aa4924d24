# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of a known_hosts file speak of a host, with paramiko's own reading as the judge."""

from __future__ import annotations

import pathlib

import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.known_hosts import lines_of_host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFL6kF4kGvK7Q0tQ0Hq1mK0W1eQyZ8jv4mJx0s7l8S3d"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3F2nM0P5y8rGv7c5tq1xQm9oWb6uYz2LkVh4sXe1Ra"
HOSTS = ["ce1", "ce10", "192.0.2.1", "[192.0.2.1]:2222", "[ce1]:22"]
HASHED = {host: paramiko.HostKeys.hash_host(host) for host in HOSTS}


@pytest.mark.parametrize("host", HOSTS)
def test_the_same_keys_are_found_as_paramiko_finds(host: str, tmp_path: pathlib.Path) -> None:
    lines = ["# ce1", "", "ce1", f"ce1,192.0.2.1 {KEY}"]
    lines += [f"{name} {KEY}" for name in HOSTS[2:]] + [f"{HASHED[name]} {OTHER}" for name in HOSTS[1:3]]
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    whole = paramiko.HostKeys(str(path)).lookup(host)
    part = tmp_path / "part"
    part.write_text("\n".join(lines_of_host(lines, host)) + "\n", encoding="utf-8")
    found = paramiko.HostKeys(str(part)).lookup(host)
    assert (whole is None) == (found is None)
    if whole is not None and found is not None:
        assert {kind: key.get_base64() for kind, key in whole.items()} == {
            kind: key.get_base64() for kind, key in found.items()
        }


def test_a_name_inside_another_is_another() -> None:
    assert list(lines_of_host([f"ce10 {KEY}", f"ce1 {KEY}", f"xce1,ce11 {KEY}"], "ce1")) == [f"ce1 {KEY}"]


def test_markers_and_torn_lines_are_passed_over() -> None:
    assert list(lines_of_host([f"@revoked ce1 {KEY}", f"|1|torn {KEY}", f"|1||x {KEY}", "|1|", " "], "ce1")) == []


def test_a_hashed_name_is_found() -> None:
    lines = [f"{HASHED['ce10']} {KEY}", f"{HASHED['ce1']} {KEY}"]
    assert list(lines_of_host(lines, "ce1")) == lines[1:]


@given(st.lists(st.text(max_size=60)), st.sampled_from(HOSTS))
def test_no_file_harms(lines: list[str], host: str) -> None:
    assert set(lines_of_host(lines, host)) <= set(lines)
    assert set(lines_of_host([f"|1|{line}" for line in lines], host)) == set()
