# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP multicast in the language of VRP: text to model, and model to lines.

The language itself is the table in ``grammar.forms``; this module is the door to what works with it.
"""

from __future__ import annotations

from ...ntp.interface_names import interface_name
from ..lines import ConfigurationLine, typed_lines
from .given_text import GivenText, parse_given_text
from .parse import DeviceConfiguration, InterfaceFacts, parse_configuration
from .render import configuration_text, render_changes, render_configuration

__all__ = [
    "ConfigurationLine",
    "DeviceConfiguration",
    "GivenText",
    "InterfaceFacts",
    "configuration_text",
    "interface_name",
    "parse_configuration",
    "parse_given_text",
    "render_changes",
    "render_configuration",
    "typed_lines",
]
