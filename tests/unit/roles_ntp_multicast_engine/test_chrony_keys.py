# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that gives chronyd the keys of its sources."""

from __future__ import annotations

import base64
import getpass
import json
import pathlib
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

FILES = pathlib.Path(__file__).parents[3] / "roles/ntp_multicast_engine/files"
FUTURE = "from __future__ import annotations"
# As templates/chrony_keys.py.j2 makes it.
PROGRAM = "\n".join(
    (FILES / f"{name}.py").read_text().replace(FUTURE, "") for name in ("chrony_key_block", "chrony_keys")
)
SECRETS = {42: "Sixteen-octets-1", 43: "Thirty-two-octets-of-key-text-No", 7: "md5 # with blanks", 8: "Any-secret-8"}
ALGORITHMS = {42: "aes-128-cmac", 43: "aes-256-cmac", 7: "md5", 8: "hmac-sha256"}
THEIRS = "# chrony.keys\n1 MD5 theirs\n"


def hexadecimal(number: int) -> str:
    return SECRETS[number].encode().hex()


@dataclass
class Host:
    folder: pathlib.Path

    @property
    def keys(self) -> pathlib.Path:
        return self.folder / "chrony.keys"

    def tell(self, *ids: int, look: bool = False, code: int = 0, path: pathlib.Path | None = None) -> Any:
        arguments = [str(self.folder / "keys"), str(path or self.keys), getpass.getuser(), str(look), json.dumps(ids)]
        done = subprocess.run(
            [sys.executable, "-", *arguments], input=PROGRAM, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        for secret in SECRETS.values():
            assert secret not in done.stdout + done.stderr
            assert secret.encode().hex() not in done.stdout + done.stderr
        return done.stdout.strip() if code else json.loads(done.stdout)["changed"]


@pytest.fixture(name="host")
def host_fixture(tmp_path: pathlib.Path) -> Host:
    lines = [
        f"{number} {ALGORITHMS[number]} base64:{base64.b64encode(SECRETS[number].encode()).decode()}"
        for number in SECRETS
    ]
    (tmp_path / "keys").write_text("# Managed by Ansible.\n" + "\n".join(lines) + "\n")
    (tmp_path / "chrony.keys").write_text(THEIRS)
    (tmp_path / "chrony.keys").chmod(0o640)
    return Host(tmp_path)


def test_keys_come_and_go_and_what_is_not_ours_stays(host: Host) -> None:
    assert host.tell(42, 7, look=True)
    assert host.keys.read_text() == THEIRS
    assert host.tell(42, 7)
    assert host.keys.read_text() == (
        f"{THEIRS}# BEGIN ntp-multicast-engine (managed by Ansible)\n7 MD5 HEX:{hexadecimal(7)}\n"
        f"42 AES128 HEX:{hexadecimal(42)}\n# END ntp-multicast-engine\n"
    )
    assert host.keys.stat().st_mode & 0o777 == 0o640
    assert not host.tell(42, 7)
    assert host.tell(43)
    assert f"43 AES256 HEX:{hexadecimal(43)}" in host.keys.read_text() and "AES128" not in host.keys.read_text()
    assert host.tell()
    assert host.keys.read_text() == THEIRS
    assert not host.tell()
    assert [path.name for path in host.folder.iterdir() if "ntp-multicast" in path.name] == []


def test_a_file_of_its_own(host: Host) -> None:
    own = host.folder / "ntp-multicast-engine.keys"
    assert host.tell(42, path=own)
    assert own.stat().st_mode & 0o777 == 0o640
    assert host.tell(path=own)
    assert not own.exists()


def test_a_link_stays_one(host: Host) -> None:
    link = host.folder / "link.keys"
    link.symlink_to(host.keys)
    assert host.tell(42, path=link)
    assert link.is_symlink() and "AES128" in host.keys.read_text()


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ((1,), "already has key 1, which is somebody else's"),
        ((9,), "key 9 is not in"),
        ((8,), "nothing that works with the algorithm hmac-sha256"),
    ],
)
def test_what_can_not_be_done_is_said_and_nothing_is_written(host: Host, ids: tuple[int, ...], words: str) -> None:
    assert words in host.tell(*ids, code=1)
    assert host.keys.read_text() == THEIRS


def test_a_key_file_that_is_none(host: Host) -> None:
    (host.folder / "keys").write_text("42 aes-128-cmac base64:Six$een-octets\n")
    assert host.tell(42, code=1).endswith("is not a key file of the engine.")
