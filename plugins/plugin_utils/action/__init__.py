# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks and playbooks do: options to a request, report to a result; preflight, waves, rotation, fleet. It knows
Ansible, and must not know a word of a command line."""
