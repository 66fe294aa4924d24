# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a device, under the names of facts that network collections share."""

from __future__ import annotations

from typing import Any

from ..vrp.display import find_dialect
from ..vrp.session import Session
from ..vrp.version import has_candidate, read_version


def facts_of(session: Session) -> dict[str, Any]:
    """The facts of a device. Raises DeviceError where the device does not tell."""
    version = read_version(session)
    return {
        "ansible_net_system": version.system,
        "ansible_net_system_version": version.system_version,
        "ansible_net_version": version.release,
        "ansible_net_model": version.model,
        "ansible_net_uptime": version.uptime,
        "ansible_net_patches": list(version.patches),
        "ansible_net_hostname": session.sysname,
        "ansible_net_commit_mode": "candidate" if has_candidate(session) else "immediate",
        "ansible_net_ntp_dialect": find_dialect(session).value,
    }
