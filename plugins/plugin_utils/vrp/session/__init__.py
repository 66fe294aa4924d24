# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CLI session: prompts, echoes, pagers, questions and the forms of errors. It knows nothing of NTP or Ansible."""

from __future__ import annotations

from .answer import Answer
from .recording import Recorded, Recorder
from .session import Channel, Session, Timeouts

__all__ = ["Answer", "Channel", "Recorded", "Recorder", "Session", "Timeouts"]
