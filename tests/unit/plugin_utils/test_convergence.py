# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, grammar and boundary together against a device made of text: every state converges, and says so in advance."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from unit.plugin_utils.strategies import configs
from unit.plugin_utils.text_device import TextDevice

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp import slow_hash
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import DeviceMemory, remember
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import EMPTY, Configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import Plan, State, UpdateSecrets, plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    parse_configuration,
    render_changes,
    render_configuration,
    typed_lines,
)

devices = st.builds(
    TextDevice,
    st.sampled_from(["ntp", "ntp-service"]),
    prints_undo=st.booleans(),
    drops_defaults=st.booleans(),
    merges_options=st.booleans(),
    unicast=st.booleans(),
)
states = st.sampled_from(State)
relaxed = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _fast_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of the slow hash is no part of what is tested here; test_key_memory runs it as it is."""
    monkeypatch.setattr(slow_hash, "COST", slow_hash.Cost(2, 8, 1))


def read(device: TextDevice) -> Configuration:
    parsed = parse_configuration(device.text())
    assert parsed.unknown == ()
    return parsed.configuration


def without_printed_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """A device may or may not print a ttl of 16 that was typed (fact 8.5)."""
    for interface in options.get("interfaces", ()):
        for server in interface.get("servers", ()):
            if server.get("ttl") == 16:
                del server["ttl"]
    return options


def apply(device: TextDevice, wanted: Configuration, state: State, memory: DeviceMemory) -> Plan:
    dialect = Dialect(device.word)
    before = read(device)
    try:
        made = plan(before, wanted, state=state, memory=memory)
    except UserError:
        assume(False)
        raise
    device.enter(typed_lines(render_changes(made.changes, dialect)))
    after = read(device)
    memory_after = remember(memory, made.changes, after)
    memory.clear()
    memory.update(memory_after)
    memory.default_ttl = memory_after.default_ttl
    return made


@relaxed
@given(devices, st.lists(st.tuples(configs(), states), min_size=1, max_size=4))
def test_each_run_converges_and_was_predicted(device: TextDevice, runs: list[tuple[dict[str, Any], State]]) -> None:
    memory = DeviceMemory()
    for options, state in runs:
        wanted = configuration_from_options(options)
        made = apply(device, wanted, state, memory)
        after = read(device)
        predicted = without_printed_defaults(options_from_configuration(made.predicted))
        assert without_printed_defaults(options_from_configuration(after)) == predicted
        assert plan(made.predicted, wanted, state=state, memory=memory).changes == ()
        assert plan(after, wanted, state=state, memory=memory).changes == ()


@relaxed
@given(configs(), configs(), states, states, st.sampled_from(UpdateSecrets))
def test_the_plan_from_the_predicted_state_is_empty(
    first: dict[str, Any], second: dict[str, Any], before: State, state: State, update_secrets: UpdateSecrets
) -> None:
    try:
        present = plan(EMPTY, configuration_from_options(first), state=before).predicted
        wanted = configuration_from_options(second)
        made = plan(present, wanted, state=state, update_secrets=update_secrets)
    except UserError:
        assume(False)
    again = plan(made.predicted, wanted, state=state, update_secrets=update_secrets)
    assert again.changes == ()
    assert again.predicted == made.predicted


@relaxed
@given(configs(), st.sampled_from(Dialect))
def test_what_is_gathered_asks_for_nothing_when_it_is_applied(options: dict[str, Any], dialect: Dialect) -> None:
    device = TextDevice(dialect.value)
    apply(device, configuration_from_options(options), State.MERGED, DeviceMemory())
    gathered = options_from_configuration(read(device))
    assert problems(gathered, platform="vrp") == []
    for state in (State.MERGED, State.REPLACED, State.OVERRIDDEN):
        made = plan(read(device), configuration_from_options(gathered), state=state)
        # Where the two families differ, the one option that stands for both is left out.
        ignored = {"SwitchServer"} if "enabled" not in gathered.get("server", {}) else set()
        assert {type(change).__name__ for change in made.changes} <= ignored


@relaxed
@given(configs(), st.sampled_from(Dialect))
def test_render_parse_render_is_a_fixed_point(options: dict[str, Any], dialect: Dialect) -> None:
    lines = typed_lines(render_configuration(configuration_from_options(options), dialect))
    parsed = parse_configuration("\n".join(lines), dialect)
    assert parsed.unknown == ()
    assert typed_lines(render_configuration(parsed.configuration, dialect)) == lines


KEY_OF_ANOTHER = {
    "authentication": {"keys": [{"id": 1, "algorithm": "md5", "secret": "Huawei-12345"}]},
    "server": {"upstream": [{"address": "10.0.0.1", "key_id": 1}]},
}


@relaxed
@given(devices, configs())
@example(TextDevice("ntp", unicast=True), KEY_OF_ANOTHER)
def test_deleting_everything_leaves_what_was_there_before(device: TextDevice, options: dict[str, Any]) -> None:
    before = read(device)
    memory = DeviceMemory()
    apply(device, configuration_from_options(options), State.MERGED, memory)
    merged = read(device)
    apply(device, configuration_from_options({}), State.DELETED, memory)
    after = read(device)
    used, still_used = ({entry.key_id for entry in state.server.upstream} for state in (before, after))
    # A key that a unicast server has let go is needed by nobody.
    kept = {key.id for key in before.authentication.keys} - (used - still_used) | still_used
    assert {key.id for key in after.authentication.keys} == kept - {None}
    assert after.server.upstream == merged.server.upstream  # nothing was asked of them
    assert after.interfaces == ()
    assert after.foreign_lines == before.foreign_lines
    if merged.server_users or merged.server.upstream:
        assert after.server.listen == merged.server.listen
        assert after.server.reference_stratum == merged.server.reference_stratum
    else:
        assert not after.server.listen and after.server.reference_stratum is None


@relaxed
@given(devices, configs(), st.sampled_from([State.MERGED, State.REPLACED, State.OVERRIDDEN]))
def test_what_was_gathered_leaves_nothing_to_do(device: TextDevice, config: dict[str, Any], state: State) -> None:
    apply(device, configuration_from_options(config), State.MERGED, DeviceMemory({}))
    present = read(device)
    options = options_from_configuration(present)
    if state is not State.MERGED and present.server is not None:
        # The one option can't state two functions that differ; then the states that are exact would switch one.
        assume(options.get("server", {}).get("enabled") is not None or not present.server.enabled)
    for key in options.get("authentication", {}).get("keys", ()):
        key["secret"] = ""
    assert problems(options, platform="vrp", update_secrets="never") == []
    assert bool(problems(options, platform="vrp")) == ("keys" in options.get("authentication", {}))
    wanted = configuration_from_options(options)
    assert plan(present, wanted, state=state, update_secrets=UpdateSecrets.NEVER).changes == ()
