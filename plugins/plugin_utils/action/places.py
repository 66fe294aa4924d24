# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the inventory describes a host: the file and line of its variables, for reports that point there."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..report.document import Location
from .private import origin_of

_DESCRIBED_BY = ("ntp_multicast_interfaces", "ntp_multicast_server", "ntp_multicast_authentication")
_OCTETS_MOST = 4 * 1024 * 1024


def place_of(host: str, variables: Mapping[str, Any]) -> Location | None:
    """Where a host is described: at one of its variables, else where the inventory names it.

    variables: of the host, with their templates, as Ansible read them
    """
    for name in _DESCRIBED_BY:
        origin = origin_of(variables.get(name))
        if origin is not None and os.path.isfile(origin[0]):
            return Location(shown_path(origin[0]), origin[1])
    inventory = str(variables.get("inventory_file") or "")
    if not os.path.isfile(inventory):
        return None
    return Location(shown_path(inventory), line_that_names(host, inventory))


@functools.cache
def shown_path(path: str) -> str:
    """The path within the repository, else within the current folder, else the name alone; never one of the machine."""
    real = Path(path).resolve()
    repository = next((folder for folder in real.parents if (folder / ".git").exists()), None)
    for folder in (repository, Path.cwd()):
        if folder is not None and real.is_relative_to(folder):
            return real.relative_to(folder).as_posix()
    return real.name


def line_that_names(host: str, path: str) -> int | None:
    """The number of the first line of an inventory that names a host."""
    named = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])")
    for number, line in enumerate(_lines(path), start=1):
        if named.search(line):
            return number
    return None


@functools.cache
def _lines(path: str) -> tuple[str, ...]:
    # A program that makes an inventory is a file too.
    if os.access(path, os.X_OK) or os.path.getsize(path) > _OCTETS_MOST:
        return ()
    return tuple(Path(path).read_text(encoding="utf-8", errors="replace").splitlines())
