# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted, what is there, what must change and in which order (``plan``). It knows options with their ranges,
keys and masking, and must not know Ansible, a socket or a word of a command line."""
