# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every task would otherwise pay for itself, paid once.

Ansible loads an action plugin before it forks the process of a task, but the connection plugin only inside that
process: to compile it, to read its documentation and to import paramiko then costs each device more than the login
itself. Loaded here, when the action plugin is, all processes inherit it.
"""

from __future__ import annotations

import contextlib

from ansible.errors import AnsibleError
from ansible.plugins.loader import connection_loader

VRP_SSH = "timecast.ntp_multicast.vrp_ssh"


def load_connection() -> None:
    """Load the connection plugin and the definitions of its options. What fails here fails with a message later."""
    with contextlib.suppress(AnsibleError, ImportError, AttributeError):
        connection_loader.get(VRP_SSH, class_only=True)
