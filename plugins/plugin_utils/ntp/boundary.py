# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the dicts of Ansible and the model."""

from __future__ import annotations

from typing import Any

from .model import Configuration


def configuration_from_options(options: dict[str, Any] | None) -> Configuration:
    raise NotImplementedError


def options_from_configuration(configuration: Configuration) -> dict[str, Any]:
    raise NotImplementedError
