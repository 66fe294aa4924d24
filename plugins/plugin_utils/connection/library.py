# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SSH library. It may be missing, which is told in words when a connection is made."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

PARAMIKO_IMPORT_ERROR: ImportError | None = None

if TYPE_CHECKING:
    import paramiko
    from paramiko.auth_handler import AuthHandler
    from paramiko.transport import Transport
else:
    try:
        # What cryptography says of ciphers that paramiko still lists is not for the user of this collection.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import paramiko
            from paramiko.auth_handler import AuthHandler
            from paramiko.transport import Transport
    except ImportError as import_error:
        PARAMIKO_IMPORT_ERROR = import_error
        paramiko = None
        AuthHandler = Transport = object

__all__ = ["PARAMIKO_IMPORT_ERROR", "AuthHandler", "Transport", "paramiko"]
