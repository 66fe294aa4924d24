# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports point at the file and line of the inventory that describe a host."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action import places
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import Location

HOSTS = "all:\n  hosts:\n    ce1:\n    ce2:\n      ntp_multicast_server:\n        enabled: true\n    ce10: {}\n"
OF_CE1 = "---\n# what it does\nntp_multicast_interfaces:\n  - name: Vlanif100\n    servers: [{}]\n"


@pytest.fixture(autouse=True)
def fresh() -> None:
    places.shown_path.cache_clear()
    places._lines.cache_clear()


def variables_of(path: pathlib.Path, host: str) -> Mapping[str, Any]:
    loader = DataLoader()
    inventory = InventoryManager(loader, sources=[str(path)])
    found: Mapping[str, Any] = VariableManager(loader, inventory).get_vars(
        host=inventory.get_host(host), include_hostvars=False
    )
    return found


@pytest.fixture(name="inventory")
def inventory_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """An inventory in a repository, with a file of variables for one of its hosts."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "net work"
    (folder / "host_vars").mkdir(parents=True)
    (folder / "host_vars" / "ce1.yml").write_text(OF_CE1, encoding="utf-8")
    (folder / "hosts.yml").write_text(HOSTS, encoding="utf-8")
    return folder / "hosts.yml"


@pytest.mark.parametrize(
    ("host", "file", "lines"),
    [
        # Releases of ansible-core point at the key or at its value.
        ("ce1", "net work/host_vars/ce1.yml", {3, 4}),
        ("ce2", "net work/hosts.yml", {5, 6}),
        ("ce10", "net work/hosts.yml", {7}),
    ],
)
def test_a_host_is_where_its_variables_are(inventory: pathlib.Path, host: str, file: str, lines: set[int]) -> None:
    place = places.place_of(host, variables_of(inventory, host))
    assert place is not None
    assert place.file == file
    assert place.line in lines


def test_an_inventory_of_the_old_form_has_lines_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts").write_text("[devices]\nce10\nce1 ansible_host=192.0.2.1\n", encoding="utf-8")
    assert places.place_of("ce1", variables_of(tmp_path / "hosts", "ce1")) == Location("hosts", 3)


def test_a_program_has_no_lines(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "hosts.py"
    program.write_text("print('ce1')", encoding="utf-8")
    program.chmod(0o755)
    assert places.place_of("ce1", {"inventory_file": str(program)}) == Location("hosts.py", None)


def test_no_path_of_the_machine_is_shown(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "hosts").write_text("ce1\n", encoding="utf-8")
    assert places.shown_path(str(tmp_path / "hosts")) == "hosts"


def test_without_an_inventory_there_is_no_place() -> None:
    assert places.place_of("ce1", {}) is None
