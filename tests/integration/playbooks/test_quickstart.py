# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quickstart as it is printed: its files and commands are taken from the page, in its order, in an empty folder.

Only what no test may reach is another: the registries are the tarball and this environment, the address of the device
is this machine's with the port of the simulated one.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
import yaml

from vrp_simulator.testing import RunningDevice, running_devices

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "docsite" / "rst" / "guide_quickstart.rst"
ADDRESS = "192.0.2.21"
BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
FILE_NAME = re.compile(r"# (\S+)\n")

pytestmark = pytest.mark.end_to_end


def blocks() -> list[tuple[str, str]]:
    """The code of the page: its language and its text."""
    return [(kind, textwrap.dedent(text).strip("\n")) for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]


def page_variable(name: str) -> str:
    """A value that the page gives."""
    for kind, text in blocks():
        found = yaml.safe_load(text) if kind == "yaml" else None
        if isinstance(found, dict) and name in found:
            return str(found[name])
    raise AssertionError(f"the page gives no {name}")


@pytest.fixture
def device(tmp_path: pathlib.Path) -> Iterator[RunningDevice]:
    settings = {
        "name": "CE1",
        "release": "ce-v300r023",
        "users": [{"name": page_variable("ansible_user"), "password": page_variable("vault_vrp_password"), "level": 3}],
        "interfaces": [{"name": "Vlanif100", "layer2": False, "ipv4": "10.0.0.1/24"}],
    }
    with running_devices([settings], log_directory=tmp_path) as devices:
        yield devices["CE1"]


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The collection as it is published."""
    folder = tmp_path_factory.mktemp("tarball")
    source = folder / "source"
    source.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    command = ["xargs", "-0", "cp", "--parents", "-t", str(source)]
    subprocess.run(command, cwd=ROOT, input=listed, check=True)
    galaxy = pathlib.Path(sys.executable).with_name("ansible-galaxy")
    environment = {**os.environ, "HOME": str(folder), "ANSIBLE_HOME": str(folder / ".ansible")}
    subprocess.run(
        [galaxy, "collection", "build", str(source), "--output-path", str(folder)],
        env=environment,
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.tar.gz"))


class Reader:
    """Somebody who does what the page says, in an empty folder."""

    def __init__(self, folder: pathlib.Path, device: RunningDevice, tarball: pathlib.Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        self._device = device
        self._tarball = tarball
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(folder / "home"),
            "PATH": f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "200",
        }
        (folder / "home").mkdir()

    def write(self, text: str) -> None:
        """Make the file that a block shows; its first line is its name."""
        name = FILE_NAME.match(text)
        assert name, f"no name in the first line: {text}"
        path = self.folder / name[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        here = f"ansible_host: 127.0.0.1, ansible_port: {self._device.port}"
        path.write_text(text.replace(f"ansible_host: {ADDRESS}", here) + "\n", encoding="utf-8")

    def run(self, line: str) -> str:
        """Run a command of the page; what was printed."""
        if line.startswith("pip install "):
            return ""  # this environment has them
        line = line.replace("-r collections/requirements.yml", f"--offline {self._tarball}").replace(
            f"ssh-keyscan {ADDRESS}", f"ssh-keyscan -p {self._device.port} 127.0.0.1"
        )
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout


def test_the_page_does_what_it_says(tmp_path: pathlib.Path, device: RunningDevice, tarball: pathlib.Path) -> None:
    reader = Reader(tmp_path, device, tarball)
    printed = ""
    commands = 0
    for kind, text in blocks():
        if kind in ("yaml", "ini"):
            reader.write(text)
        elif kind == "bash":
            for line in text.splitlines():
                printed = reader.run(line)
                commands += 1
        elif kind == "text":
            for line in text.splitlines():
                assert line.strip() in printed, f"{line!r} is not in:\n{printed}"
    assert commands >= 10
    assert "ntp multicast-server" in device.running_configuration()
    assert (reader.folder / "inventory/group_vars/all/vault.yml").read_text().startswith("$ANSIBLE_VAULT")
    memory = tmp_path / "home" / ".ansible" / "ntp_multicast_key_memory.json"
    assert memory.is_file()
    assert page_variable("vault_ntp_key_42") not in memory.read_text()
