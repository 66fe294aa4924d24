# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball: the same from two folders, signed, and installed without a network; a changed octet is noticed."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile

import needs
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
GALAXY = str(pathlib.Path(sys.executable).with_name("ansible-galaxy"))
# What needs the checkout: tests, simulated devices, and what only contributors use.
NOT_SHIPPED = ("tests", "extensions/molecule", "changelogs/fragments", "Makefile", "pyproject.toml", ".github", ".ci")


def run(*command: str, cwd: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


def build(folder: pathlib.Path, **environment: str) -> pathlib.Path:
    done = run(
        "sh", "-c", f"umask {environment.pop('umask', '022')}; exec {sys.executable} tests/tools/build", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / ".build" / "dist"


@pytest.fixture(name="two", scope="module")
def two_fixture(tmp_path_factory: pytest.TempPathFactory) -> tuple[pathlib.Path, pathlib.Path]:
    """What was built in two clones; the second has another umask, and files that git does not know."""
    folder = tmp_path_factory.mktemp("build")
    made = []
    for name, umask in (("one", "022"), ("another/and/deeper", "077")):
        clone = folder / name
        done = run("git", "clone", "--quiet", "--shared", str(ROOT), str(clone), cwd=folder)
        assert done.returncode == 0, done.stderr
        if umask == "077":
            (clone / "plugins" / "leftover.py").write_text("secret = 1\n", encoding="utf-8")
            (clone / "README.md").write_text("changed, not committed\n", encoding="utf-8")
        made.append(build(clone, umask=umask))
    return made[0], made[1]


def tarball_in(folder: pathlib.Path) -> pathlib.Path:
    (found,) = folder.glob("*.tar.gz")
    return found


def test_two_builds_of_a_commit_are_equal(two: tuple[pathlib.Path, pathlib.Path]) -> None:
    first, second = two
    names = sorted(file.name for file in first.iterdir())
    assert names == sorted(file.name for file in second.iterdir())
    assert len(names) == 4
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    assert run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=first).returncode == 0


def test_the_tarball_holds_what_works_from_a_tarball(two: tuple[pathlib.Path, pathlib.Path]) -> None:
    with tarfile.open(tarball_in(two[0])) as archive:
        members = archive.getmembers()
    names = {member.name for member in members}
    for left_out in NOT_SHIPPED:
        assert not any(name == left_out or name.startswith(f"{left_out}/") for name in names), left_out
    assert {"README.md", "CHANGELOG.rst", "COPYING", "meta/runtime.yml", "plugins/connection/vrp_ssh.py"} <= names
    assert not any(name.endswith("leftover.py") for name in names)
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert len({member.mtime for member in members}) == 1
    assert {member.mode for member in members} == {0o644, 0o755}


def test_the_bill_of_materials(two: tuple[pathlib.Path, pathlib.Path]) -> None:
    (file,) = two[0].glob("*.cdx.json")
    bill = json.loads(file.read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    itself = bill["metadata"]["component"]
    assert itself["hashes"][0]["content"] == hashlib.sha256(tarball_in(two[0]).read_bytes()).hexdigest()
    wanted = {item["name"]: item["properties"][0]["value"] for item in bill["components"]}
    assert sorted(wanted) == ["ansible-core", "cryptography", "jinja2", "paramiko"]
    assert f"paramiko{wanted['paramiko']}" in (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert bill["dependencies"][0]["dependsOn"] == [item["bom-ref"] for item in bill["components"]]


@needs.commands("gpg")
def test_signed_installed_and_verified_without_a_network(
    two: tuple[pathlib.Path, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    environment = {"GNUPGHOME": str(home), "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_NOCOLOR": "1"}
    try:
        quick = (
            "--batch",
            "--passphrase",
            "",
            "--quick-generate-key",
            "Releaser <releaser@example.org>",
            "ed25519",
            "sign",
        )
        made = run("gpg", *quick, cwd=tmp_path, **environment)
        assert made.returncode == 0, made.stderr
        signed = run("tests/tools/sign", "releaser@example.org", str(two[0]), cwd=ROOT, **environment)
        assert signed.returncode == 0, signed.stderr
        keyring = tmp_path / "releaser.gpg"
        assert run("gpg", "--output", str(keyring), "--export", cwd=tmp_path, **environment).returncode == 0
    finally:
        run("gpgconf", "--kill", "all", cwd=tmp_path, **environment)
    check = ("gpgv", "--keyring", str(keyring), "SHA256SUMS.asc", "SHA256SUMS")
    assert run(*check, cwd=two[0], **environment).returncode == 0
    (signature,) = two[0].glob("*.MANIFEST.json.asc")
    place = tmp_path / "installed"
    installed = run(
        GALAXY, "collection", "install", str(tarball_in(two[0])), "--offline", "-p", str(place), cwd=tmp_path
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert verified(place, signature, keyring, **environment)
    (two[0] / "SHA256SUMS").write_text((two[0] / "SHA256SUMS").read_text(encoding="utf-8") + "#\n", encoding="utf-8")
    assert run(*check, cwd=two[0], **environment).returncode != 0
    assert not verified(place, signature.with_name("SHA256SUMS.asc"), keyring, **environment)
    changed = place / "ansible_collections" / "timecast" / "ntp_multicast" / "plugins" / "connection" / "vrp_ssh.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert not verified(place, signature, keyring, **environment)


def verified(place: pathlib.Path, signature: pathlib.Path, keyring: pathlib.Path, **environment: str) -> bool:
    """Whether ansible-galaxy takes the installed files for those that were signed."""
    done = run(
        *(GALAXY, "collection", "verify", "--offline", "timecast.ntp_multicast", "-p", str(place)),
        *("--keyring", str(keyring), "--signature", signature.as_uri()),
        cwd=place,
        **environment,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0
