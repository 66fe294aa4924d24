# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package of the engine may import which: what a packet means knows nothing of sockets, files and logs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "roles" / "ntp_multicast_engine" / "files" / "ntp_multicast_engine"
NAME = ENGINE.name
BASE = {"errors", "instant"}
"""Modules that import nothing but each other, for everybody."""
MAY_IMPORT = {
    "errors": set(),
    "instant": set(),
    "signals": set(),
    "wire": BASE,
    "filter": BASE,
    "config": {*BASE, "wire"},
    "net": {*BASE, "wire", "config"},
    "protocol": {*BASE, "wire", "config", "filter"},
    "observe": {*BASE, "wire", "config", "protocol"},
    # The helper is a program of its own, with a log and a service manager that is told.
    "clock": {*BASE, "wire", "config", "filter", "protocol.leap"},
    "clock.helper": {
        *BASE,
        "wire",
        "config",
        "protocol.leap",
        "signals",
        "clock",
        "observe.journal",
        "observe.sd_notify",
    },
    "daemon": {*BASE, "", "wire", "config", "filter", "net", "protocol", "observe", "clock", "signals"},
    "cli": {*BASE, "", "config", "observe", "clock", "daemon"},
    "__main__": {"cli"},
    "__init__": set(),
}


def modules() -> Iterator[str]:
    for path in sorted(ENGINE.rglob("*.py")):
        parts = path.relative_to(ENGINE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def path_of(module: str) -> Path:
    path = ENGINE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> Iterator[str]:
    """Modules of the engine, without its name, that the module imports, wherever in it."""
    for node in ast.walk(ast.parse(path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == NAME:
            found = node.module.partition(".")[2]
            for item in node.names:
                whole = f"{found}.{item.name}".lstrip(".")
                yield whole if path_of(whole).exists() else found
        elif isinstance(node, ast.Import):
            yield from (name.name.partition(".")[2] for name in node.names if name.name.split(".")[0] == NAME)


def room_of(module: str) -> str:
    """The longest name of MAY_IMPORT that the module lies in."""
    return max((room for room in MAY_IMPORT if f"{module}.".startswith(f"{room}.")), key=len)


def allowed(module: str, imported: str) -> bool:
    room = room_of(module)
    rooms = {room, *MAY_IMPORT[room]}
    return any(imported == name or (name and imported.startswith(f"{name}.")) for name in rooms)


@pytest.mark.parametrize("module", list(modules()))
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    assert [imported for imported in imports(module) if not allowed(module, imported)] == []


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("protocol.association", "daemon.state_file"),
        ("protocol.system", "observe.status"),
        ("config.configuration", "protocol.client"),
        ("clock.discipline", "daemon.daemon"),
        ("clock.discipline", "observe.journal"),
        ("wire.packet", "protocol.leap"),
        ("net.sockets", "clock.system_clock"),
    ],
)
def test_the_rooms_have_walls(module: str, imported: str) -> None:
    assert path_of(module).exists() and path_of(imported).exists(), "a wall between rooms that aren't there"
    assert not allowed(module, imported)


@pytest.mark.parametrize("module", ["protocol", "filter", "wire"])
def test_what_decides_does_no_input_or_output(module: str) -> None:
    paths = list((ENGINE / module).glob("*.py"))
    assert paths
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & {"socket", "select", "selectors", "os", "pathlib", "logging", "subprocess"}, path


@pytest.mark.parametrize("package", sorted({path.parent for path in ENGINE.rglob("*/__init__.py")}))
def test_a_package_says_what_it_knows_and_what_it_must_not(package: Path) -> None:
    said = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert "know" in said and " not" in said, f"{package.name}: {said}"
