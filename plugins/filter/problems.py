# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: problems
short_description: What is wrong with an NTP multicast description
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Checks a description against the rules of its platform, without a device.
  - The role P(timecast.ntp_multicast.ntp_multicast#role) refuses a description that has problems.
options:
  _input:
    description: The description. Its sections C(authentication), C(server) and C(interfaces) are all optional.
    type: dict
    required: true
  platform:
    description: Whose rules apply.
    type: str
    choices: [vrp, linux]
    default: vrp
  prefix:
    description: What stands before the name of a section in the sentences.
    type: str
    default: config.
  settings:
    description:
      - The settings of P(timecast.ntp_multicast.engine_configuration#filter), which are checked too with V(linux).
        The sentences name them by the variables of the role P(timecast.ntp_multicast.ntp_multicast_engine#role).
    type: dict
    version_added: 0.9.0
  state:
    description: What the description is for. What is to be deleted needs less than what is to be there.
    type: str
    choices: [merged, replaced, overridden, deleted]
    default: merged
  update_secrets:
    description: When the secrets of keys are written. With V(never) a secret may be empty, since it is not looked at.
    type: str
    choices: [on_create, always, never]
    default: on_create
  commit:
    description:
      - What a change carries and what confirms it, as the option
        O(timecast.ntp_multicast.vrp_ntp_multicast#module:commit).
    type: dict
"""

EXAMPLES = r"""
- name: Refuse what is wrong
  ansible.builtin.assert:
    that: found | length == 0
    fail_msg: "{{ found }}"
  vars:
    found: "{{ description | timecast.ntp_multicast.problems(platform='linux') }}"
    description:
      interfaces:
        - name: eth0
          servers:
            - ttl: 256
"""

RETURN = r"""
_value:
  description:
    - A sentence for each problem with the option's path, its value unless that is a secret, the rule,
      and the rule's source.
    - Empty when there is none.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import Unreadable, plain
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp import engine_settings, validation
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options import CONFIG_OPTIONS
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.commit_rules import commit_problems

PLATFORMS = ("vrp", "linux")
ENGINE_PREFIX = "ntp_multicast_engine_"
DESCRIPTION = ArgumentSpecValidator(CONFIG_OPTIONS)


def problems(
    value: Mapping[str, Any],
    platform: validation.Platform = "vrp",
    prefix: str = "config.",
    state: str = "merged",
    settings: Mapping[str, Any] | None = None,
    commit: Mapping[str, Any] | None = None,
    update_secrets: str = "on_create",
) -> list[str]:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"problems needs a description, which is a dictionary, not {type(value).__name__}.")
    if platform not in PLATFORMS:
        raise AnsibleFilterError(f"problems: platform is {platform!r}, and has to be one of {', '.join(PLATFORMS)}.")
    section = prefix.rstrip("._")
    try:
        readable = plain(value, section)
        readable_settings = plain(settings or {}, ENGINE_PREFIX.rstrip("_"))
    except Unreadable as error:
        return [str(error)]
    typed = DESCRIPTION.validate(readable)
    if typed.error_messages:
        return [f"{section}: {message}" for message in typed.error_messages]
    description = typed.validated_parameters
    found = validation.problems(
        description, platform=platform, prefix=prefix, state=state, update_secrets=update_secrets
    )
    found += commit_problems(commit, f"{prefix.removeprefix('config.')}commit")
    if settings is not None:
        found += engine_settings.problems(
            description, readable_settings, prefix=ENGINE_PREFIX, description_prefix=prefix
        )
    return [str(problem) for problem in found]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"problems": problems}
