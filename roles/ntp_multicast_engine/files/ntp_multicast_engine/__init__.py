# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An NTP multicast server and client (RFC 5905, RFC 9769) that runs on the standard library alone."""

from __future__ import annotations

__version__ = "0.9.0"
