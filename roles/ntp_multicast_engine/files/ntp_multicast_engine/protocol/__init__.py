# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NTP decides. It knows associations, multicasts, requests, packet tests and selection: packets and instants come
in, actions go out. It must not touch a socket, a file, a clock or the log."""
