# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of interfaces: what a device prints can be described, and two words for one port are one (facts 2.1, 9.4)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.changes import Listen, SetAssociation
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.interface_names import (
    abbreviated_by,
    interface_key,
    interface_name,
    is_interface_name,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State, plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    parse_configuration,
    render_changes,
    typed_lines,
)

# Types as devices print them: CloudEngine, NetEngine, S and AR series, firewalls.
TYPES = [
    *("GE", "10GE", "25GE", "40GE", "50GE", "100GE", "200GE", "400GE", "800GE", "XGE", "MultiGE"),
    *("GigabitEthernet", "XGigabitEthernet", "Ethernet", "MEth", "Eth-Trunk", "Ip-Trunk", "Vlanif", "Vbdif"),
    *("LoopBack", "NULL", "Tunnel", "Virtual-Template", "Virtual-Ethernet", "Virtual-if", "Pos", "Cpos", "Nve"),
    *("Serial", "Trunk-Serial", "DCN-Serial", "Global-VE", "Global-Mp-Group", "PW-VE", "VE-Group", "Bridge-if"),
    *("50|100GE", "25|10GE", "10|25GE", "40|100GE", "200|400GE", "FlexE-50|100G", "FlexE-100G", "FlexE-200|400G"),
    *("Stack-Port", "Fabric-Port", "Service-Engine", "Cellular", "Wlan-Radio", "Remote-AP", "Sip", "Mtunnel"),
]
NUMBERS = st.builds(
    "{}{}{}".format,
    st.lists(st.integers(0, 99), min_size=1, max_size=4).map(lambda parts: "/".join(map(str, parts))),
    st.sampled_from(["", "", ":1", ":4"]),
    st.sampled_from(["", "", ".1", ".100", ".4094"]),
)
NAMES = st.builds("{}{}".format, st.sampled_from(TYPES), NUMBERS)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES, st.sampled_from(Dialect))
def test_what_is_gathered_can_be_described(name: str, other: str, dialect: Dialect) -> None:
    word = dialect.word
    text = (
        f"#\n{word} server source-interface {other}\n#\ninterface {name}\n undo portswitch\n"
        f" {word} multicast-client 239.1.2.3\n#\ninterface {other}\n#\nreturn\n"
    )
    found = parse_configuration(text)
    assert found.unknown == ()
    gathered = options_from_configuration(found.configuration)
    assert gathered["interfaces"][0]["name"] == name
    assert gathered["server"]["listen"] == [other]
    assert problems(gathered, platform="vrp") == []
    for state in (State.MERGED, State.REPLACED, State.OVERRIDDEN):
        assert plan(found.configuration, configuration_from_options(gathered), state=state).changes == ()


@settings(max_examples=300, deadline=None)
@given(NAMES)
def test_however_it_is_typed_it_is_the_same_interface(name: str) -> None:
    number = name[len(name.rstrip("0123456789/.:")) :]
    typed = [name, name.lower(), name.upper(), name[: -len(number)] + " " + number]
    assert all(is_interface_name(text) for text in typed)
    assert {interface_key(text) for text in typed} == {interface_key(name)}
    assert interface_name(name) == name


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("50|100ge 0/1/4", "50|100GE0/1/4"),
        ("flexe-50|100g0/1/2.5", "FlexE-50|100G0/1/2.5"),
        ("25|10GE0/1/8.100", "25|10GE0/1/8.100"),
    ],
)
def test_names_with_a_bar(typed: str, printed: str) -> None:
    assert interface_name(typed) == printed
    assert problems({"interfaces": [{"name": typed}], "server": {"listen": [typed]}}, platform="vrp") == []


@pytest.mark.parametrize(
    "name",
    [
        *("", "|", "1/0/1", "|GE0/1/0", "GE|0/1/0", "50||100GE0/1/4", "5|GE0/1/4", "Vl|anif1", "GE0/1/", "GE-1"),
        *("Vlanif", "Vlanif1x", "Vlanif 1 2", "V" * 63 + "1", "Vlanif\t1", "Vlanif1/"),
    ],
)
def test_what_is_no_name(name: str) -> None:
    assert not is_interface_name(name)
    assert problems({"interfaces": [{"name": name}]}, platform="vrp")


@pytest.mark.parametrize(
    ("printed", "described"),
    [
        ("GigabitEthernet0/1/0", "GE0/1/0"),
        ("GE0/1/0", "GigabitEthernet0/1/0"),
        ("GigabitEthernet0/1/0.100", "ge 0/1/0.100"),
        ("GE0/1/0", "gigabitethernet 0/1/0"),
        ("50|100GE0/1/4", "50|100ge 0/1/4"),
    ],
)
class TestTwoWordsForOnePort:
    def options(self, name: str) -> dict[str, object]:
        return {"server": {"listen": [name]}, "interfaces": [{"name": name, "clients": [{"address": "239.1.2.3"}]}]}

    def test_the_device_is_told_in_its_own_words(self, printed: str, described: str) -> None:
        present = parse_configuration(f"#\ninterface {printed}\n undo portswitch\n#\nreturn\n").configuration
        made = plan(present, configuration_from_options(self.options(described)), state=State.MERGED)
        names = [change.source for change in made.changes if isinstance(change, Listen)]
        names += [change.interface for change in made.changes if isinstance(change, SetAssociation)]
        assert names == [printed, printed]
        assert f"interface {printed}" in typed_lines(render_changes(made.changes, Dialect.NTP))

    def test_what_is_there_is_there(self, printed: str, described: str) -> None:
        text = (
            f"#\nntp server disable\nntp server source-interface {printed}\n#\n"
            f"interface {printed}\n ntp multicast-client 239.1.2.3\n#\n"
        )
        present = parse_configuration(text).configuration
        wanted = configuration_from_options(self.options(described))
        for state in (State.MERGED, State.REPLACED, State.OVERRIDDEN):
            assert plan(present, wanted, state=state).changes == ()
        gone = plan(present, wanted, state=State.DELETED).predicted
        assert gone.interfaces == () and gone.server.listen == ()

    def test_they_are_not_given_twice(self, printed: str, described: str) -> None:
        options = {"interfaces": [{"name": printed}, {"name": described}], "server": {"listen": [printed, described]}}
        assert [problem.path for problem in problems(options, platform="vrp")] == [
            "config.server.listen[1]",
            "config.interfaces[1].name",
        ]


def test_no_other_two_types_are_one() -> None:
    same = {"GE": "GigabitEthernet", "XGE": "XGigabitEthernet"}
    assert len({interface_key(f"{kind}0/1/0") for kind in TYPES}) == len(TYPES) - len(same)
    assert all(interface_key(f"{short}0/1/0") == interface_key(f"{name}0/1/0") for short, name in same.items())


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("Gi0/1/0", ["GigabitEthernet0/1/0"]),
        ("g 0/1/0", ["GigabitEthernet0/1/0"]),
        ("Eth1", ["Eth-Trunk1"]),
        ("Vlan100", ["Vlanif100"]),
        ("Vlan10", []),
        ("100GE0/1/0", []),
        ("?", []),
    ],
)
def test_what_a_short_name_may_mean(typed: str, names: list[str]) -> None:
    assert abbreviated_by(typed, ["GigabitEthernet0/1/0", "Eth-Trunk1", "Vlanif100"]) == names


@pytest.mark.parametrize("state", [State.MERGED, State.REPLACED, State.OVERRIDDEN])
@pytest.mark.parametrize(
    ("block", "listen"), [("GE0/1/0", "GigabitEthernet0/1/0"), ("GigabitEthernet0/1/0", "GE0/1/0")]
)
def test_a_listening_line_may_spell_the_port_otherwise(block: str, listen: str, state: State) -> None:
    """Fact 9.4: a device prints both forms; that is one port, and no drift."""
    text = (
        f"#\nntp server source-interface {listen}\n#\ninterface {block}\n undo portswitch\n"
        " ntp multicast-client 239.1.2.3\n#\nreturn\n"
    )
    present = parse_configuration(text).configuration
    wanted = configuration_from_options(options_from_configuration(present))
    assert plan(present, wanted, state=state).changes == ()
