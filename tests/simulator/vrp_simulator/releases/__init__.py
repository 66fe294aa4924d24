# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that the simulator knows, by name."""

from __future__ import annotations

from ..errors import SettingsError
from ..release import Release
from . import ar_v300r024, ce_v200r005, ce_v300r023, ne40e_v800r012, s_v600, vrp5

RELEASES: dict[str, Release] = {
    module.RELEASE.name: module.RELEASE
    for module in (ar_v300r024, ce_v200r005, ce_v300r023, ne40e_v800r012, s_v600, vrp5)
}


def release_named(name: str) -> Release:
    """Return a release, or raise ``SettingsError`` with the names that exist."""
    try:
        return RELEASES[name]
    except KeyError:
        raise SettingsError(f"release {name!r} is unknown; known are {', '.join(sorted(RELEASES))}") from None
