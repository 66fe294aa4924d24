# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that come from the variables of the role."""

from __future__ import annotations

import pathlib
from typing import Any

import ansible.template
import yaml

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.specification import VRP_NTP_MULTICAST
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.variables import (
    SECTIONS,
    SETTINGS,
    options_from_variables,
)

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Doubling:
    """A templar that shows that it was asked."""

    def template(self, value: Any) -> Any:
        return [value, value]


class Plain:
    """A templar for values without templates."""

    def template(self, value: Any) -> Any:
        return value


def test_what_is_not_set_is_not_asked_for() -> None:
    assert options_from_variables({}, Plain()) == {"config": {}}
    assert options_from_variables({"ntp_multicast_server": None, "ntp_multicast_commit": {}}, Plain()) == {"config": {}}


def test_sections_and_settings() -> None:
    variables = {
        "ntp_multicast_interfaces": [{"name": "100GE1/0/1"}],
        "ntp_multicast_state": "replaced",
        "ntp_multicast_commit": {"trial": 120},
        "ntp_multicast_wait": True,
    }
    assert options_from_variables(variables, Plain()) == {
        "config": {"interfaces": [{"name": "100GE1/0/1"}]},
        "state": "replaced",
        "commit": {"trial": 120},
    }


def test_every_value_goes_through_the_templar() -> None:
    assert options_from_variables({"ntp_multicast_state": "x", "ntp_multicast_server": 1}, Doubling()) == {
        "config": {"server": [1, 1]},
        "state": ["x", "x"],
    }


def test_templates_inside_of_values_are_resolved() -> None:
    trust = getattr(ansible.template, "trust_as_template", str)  # since ansible-core 2.19
    templar = ansible.template.Templar(loader=None, variables={"key": 42})
    found = options_from_variables({"ntp_multicast_authentication": {"keys": [{"id": trust("{{ key }}")}]}}, templar)
    assert found == {"config": {"authentication": {"keys": [{"id": 42}]}}}


def test_every_option_is_one_of_the_module() -> None:
    specification = VRP_NTP_MULTICAST["argument_spec"]
    assert set(SETTINGS) < set(specification)
    assert set(SECTIONS) == set(specification["config"]["options"])


def test_every_variable_is_one_of_the_role() -> None:
    role = yaml.safe_load((ROOT / "roles/ntp_multicast/meta/argument_specs.yml").read_text(encoding="utf-8"))
    variables = set(role["argument_specs"]["main"]["options"])
    assert {f"ntp_multicast_{name}" for name in (*SECTIONS, *SETTINGS)} <= variables
