# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One VRP device. What to send, and in which order, is planned in ``ntp``; here a ``transaction`` reads, sends, commits
and reads back. It knows the command line, and must not know Ansible or SSH."""
