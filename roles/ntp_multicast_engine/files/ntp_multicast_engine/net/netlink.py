# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells when interfaces or addresses of this host change (rtnetlink(7))."""

from __future__ import annotations

import socket

# include/uapi/linux/rtnetlink.h
_RTMGRP_LINK, _RTMGRP_IPV4_IFADDR, _RTMGRP_IPV6_IFADDR = 0x1, 0x10, 0x100
_LARGE = 65536


class LinkMonitor:
    """A netlink socket whose readability means that something has changed. What it is must be looked up afresh."""

    def __init__(self) -> None:
        flags = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self.socket = socket.socket(socket.AF_NETLINK, flags, socket.NETLINK_ROUTE)
        self.socket.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))

    def drain(self) -> None:
        """Throw away what is there; a full queue (ENOBUFS) means a change just the same."""
        while True:
            try:
                self.socket.recv(_LARGE)
            except BlockingIOError:
                return
            except OSError:
                continue

    def close(self) -> None:
        self.socket.close()
