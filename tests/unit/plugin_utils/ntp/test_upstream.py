# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unicast servers that a host follows: what each state makes of them, in which order, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.changes import (
    Change,
    RemoveKey,
    RemoveUpstream,
    SetKey,
    SetUpstream,
    SwitchAuthentication,
    SwitchServer,
    TrustKey,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    EMPTY,
    AddressFamily,
    Algorithm,
    Authentication,
    Configuration,
    Key,
    Secret,
    ServerSettings,
    UpstreamServer,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State, plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.target import kept_for_other_lines
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems, warnings

ONE, TWO, SIX = ip_address("10.0.0.1"), ip_address("10.0.0.2"), ip_address("fd00::7")
KEY = Key(42, Algorithm.HMAC_SHA256, None, Secret("%^%#shown%^%#"), True)
KEY_OPTIONS = {"id": 42, "algorithm": "hmac-sha256", "secret": "YsHsjx_202206", "trusted": True}
KEYED = UpstreamServer(ONE, key_id=42)


def present(
    *upstream: UpstreamServer, keys: tuple[Key, ...] = (), enabled: bool = False, **server: Any
) -> Configuration:
    settings: dict[str, Any] = {"enabled": False, "ipv6_enabled": False, "listen": (), "ipv6_listen": (), **server}
    return Configuration(Authentication(enabled, keys), ServerSettings(**settings, upstream=upstream), ())


def changes(before: Configuration, options: dict[str, Any], state: State) -> tuple[Change, ...]:
    return plan(before, configuration_from_options(options), state=state).changes


def upstream(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"server": {"upstream": list(entries)}}


class TestStates:
    BEFORE = present(UpstreamServer(ONE), UpstreamServer(TWO))

    def test_merged_adds_and_leaves_the_others(self) -> None:
        assert changes(self.BEFORE, upstream({"address": "10.0.0.2"}, {"address": "fd00::7"}), State.MERGED) == (
            SetUpstream(UpstreamServer(SIX)),
        )

    @pytest.mark.parametrize("state", [State.REPLACED, State.OVERRIDDEN])
    def test_replaced_and_overridden_leave_those_that_are_given(self, state: State) -> None:
        assert changes(self.BEFORE, upstream({"address": "10.0.0.2"}), state) == (RemoveUpstream(UpstreamServer(ONE)),)

    @pytest.mark.parametrize("state", [State.REPLACED, State.OVERRIDDEN])
    def test_none_at_all(self, state: State) -> None:
        assert {type(change) for change in changes(self.BEFORE, upstream(), state)} == {RemoveUpstream}

    def test_deleted_removes_those_that_are_given(self) -> None:
        assert changes(self.BEFORE, upstream({"address": "10.0.0.1"}, {"address": "10.9.9.9"}), State.DELETED) == (
            RemoveUpstream(UpstreamServer(ONE)),
        )

    @pytest.mark.parametrize(
        ("state", "options"),
        [
            (State.OVERRIDDEN, {"server": {}}),
            (State.OVERRIDDEN, {"interfaces": []}),
            (State.REPLACED, {"server": {"enabled": False}}),
            (State.DELETED, {}),
            (State.DELETED, {"server": {}}),
            (State.DELETED, upstream()),
        ],
    )
    def test_what_is_not_named_stays(self, state: State, options: dict[str, Any]) -> None:
        assert changes(self.BEFORE, options, state) == ()

    def test_another_vpn_instance_is_another_entry(self) -> None:
        assert changes(self.BEFORE, upstream({"address": "10.0.0.1", "vpn_instance": "red"}), State.REPLACED) == (
            RemoveUpstream(UpstreamServer(ONE)),
            RemoveUpstream(UpstreamServer(TWO)),
            SetUpstream(UpstreamServer(ONE, vpn_instance="red")),
        )


class TestOptions:
    def test_defaults_that_a_device_does_not_print(self) -> None:
        entry = {"address": "10.0.0.1", "version": 3, "minpoll": 6, "maxpoll": 10, "preferred": False}
        for state in (State.MERGED, State.REPLACED, State.OVERRIDDEN):
            assert changes(present(UpstreamServer(ONE)), upstream(entry), state) == ()

    def test_merged_keeps_what_is_not_asked_for(self) -> None:
        before = present(UpstreamServer(ONE, version=4, preferred=True))
        assert changes(before, upstream({"address": "10.0.0.1", "minpoll": 4}), State.MERGED) == (
            SetUpstream(UpstreamServer(ONE, version=4, preferred=True, minpoll=4)),
        )

    @pytest.mark.parametrize(
        "shown",
        [
            {"version": 4},
            {"preferred": True},
            {"source_interface": "LoopBack0"},
            {"minpoll": 3},
            {"maxpoll": 17},
        ],
    )
    def test_an_option_that_goes_back_to_its_default_takes_an_undo(self, shown: dict[str, Any]) -> None:
        before = present(UpstreamServer(ONE, **shown))
        assert changes(before, upstream({"address": "10.0.0.1"}), State.REPLACED) == (
            RemoveUpstream(UpstreamServer(ONE, **shown)),
            SetUpstream(UpstreamServer(ONE)),
        )

    def test_preferred_that_is_denied(self) -> None:
        before = present(UpstreamServer(ONE, preferred=True))
        made = changes(before, upstream({"address": "10.0.0.1", "preferred": False}), State.MERGED)
        assert [type(change) for change in made] == [RemoveUpstream, SetUpstream]

    @pytest.mark.parametrize("state", [State.MERGED, State.REPLACED, State.OVERRIDDEN])
    def test_words_that_no_option_describes_stay(self, state: State) -> None:
        before = present(UpstreamServer(ONE, others=("iburst",)))
        assert changes(before, upstream({"address": "10.0.0.1"}), state) == ()
        (changed,) = changes(before, upstream({"address": "10.0.0.1", "version": 4}), state)
        assert changed == SetUpstream(UpstreamServer(ONE, version=4, others=("iburst",)))

    def test_the_spelling_of_the_device_comes_first(self) -> None:
        before = present(UpstreamServer(ONE, source_interface="GigabitEthernet0/1/0"))
        entry = {"address": "10.0.0.1", "source_interface": "ge 0/1/0"}
        assert changes(before, upstream(entry), State.OVERRIDDEN) == ()

    def test_what_is_gathered(self) -> None:
        shown = present(
            UpstreamServer(SIX, 42, None, True, "red", "LoopBack0", 3, 17, ("iburst",)),
            UpstreamServer(ONE, version=3, minpoll=6, maxpoll=10, preferred=False),
        )
        assert options_from_configuration(shown)["server"]["upstream"] == [
            {"address": "10.0.0.1"},
            {
                "address": "fd00::7",
                "key_id": 42,
                "preferred": True,
                "vpn_instance": "red",
                "source_interface": "LoopBack0",
                "minpoll": 3,
                "maxpoll": 17,
            },
        ]


class TestOrder:
    def test_the_key_comes_before_the_line_and_goes_after_it(self) -> None:
        wanted = {"authentication": {"enabled": True, "keys": [KEY_OPTIONS]}}
        entry = upstream({"address": "10.0.0.1", "key_id": 42})
        assert changes(EMPTY, {**wanted, **entry}, State.MERGED) == (
            SwitchAuthentication(True),
            SetKey(42, Algorithm.HMAC_SHA256, Secret("YsHsjx_202206")),
            TrustKey(42, True),
            SetUpstream(KEYED),
        )
        before = present(KEYED, keys=(KEY,), enabled=True)
        assert changes(before, {**wanted, **entry}, State.DELETED) == (
            RemoveUpstream(KEYED),
            TrustKey(42, False),
            RemoveKey(42),
            SwitchAuthentication(False),
        )

    def test_a_key_that_an_entry_lets_go_of_when_it_is_set_anew_goes_last(self) -> None:
        before = present(KEYED, keys=(KEY, replace(KEY, id=43)), enabled=True)
        options = {
            "authentication": {"enabled": True, "keys": [{"id": 43, "trusted": True}]},
            **upstream({"address": "10.0.0.1", "key_id": 43}),
        }
        assert changes(before, options, State.OVERRIDDEN) == (
            SetUpstream(UpstreamServer(ONE, key_id=43)),
            TrustKey(42, False),
            RemoveKey(42),
        )

    def test_authentication_that_comes_under_an_entry(self) -> None:
        before = present(UpstreamServer(ONE), UpstreamServer(TWO))
        options = {"authentication": {"enabled": True}, **upstream({"address": "10.0.0.1"})}
        assert changes(before, options, State.MERGED) == (
            RemoveUpstream(UpstreamServer(ONE)),
            SwitchAuthentication(True),
            SetUpstream(UpstreamServer(ONE)),
        )

    def test_the_server_function_comes_last(self) -> None:
        options = {"server": {"enabled": True, "upstream": [{"address": "10.0.0.1"}]}}
        assert changes(EMPTY, options, State.MERGED) == (
            SetUpstream(UpstreamServer(ONE)),
            SwitchServer(AddressFamily.IPV4, True),
        )


class TestWhatAnEntryNeeds:
    """A unicast server of which nothing is asked is a line like others outside of the description."""

    def test_its_key_and_the_switch_stay(self) -> None:
        before = present(KEYED, keys=(KEY,), enabled=True)
        for state, options in (
            (State.DELETED, {}),
            (State.OVERRIDDEN, {"interfaces": []}),
            (State.REPLACED, {"authentication": {}}),
            (State.REPLACED, {"authentication": {"keys": []}}),
        ):
            made = plan(before, configuration_from_options(options), state=state)
            assert made.changes == ()
            assert made.predicted == before

    def test_its_key_can_be_deleted_together_with_it_alone(self) -> None:
        before = present(KEYED, UpstreamServer(TWO), keys=(KEY,), enabled=True)
        key = {"authentication": {"keys": [{"id": 42}]}}
        for options in (key, {**key, **upstream({"address": "10.0.0.2"})}):
            with pytest.raises(UserError, match="key 42 can't be deleted"):
                plan(before, configuration_from_options(options), state=State.DELETED)
        assert RemoveKey(42) in changes(before, {**key, **upstream({"address": "10.0.0.1"})}, State.DELETED)

    def test_what_the_device_serves_stays_with_it(self) -> None:
        before = present(UpstreamServer(ONE), listen=("Vlanif1",), reference_stratum=3, enabled=True)
        before = replace(before, server=replace(before.server, enabled=True))
        for state, options in ((State.DELETED, {}), (State.OVERRIDDEN, {"interfaces": []})):
            wanted = configuration_from_options(options)
            assert plan(before, wanted, state=state).predicted.server == before.server
            assert kept_for_other_lines(before, wanted, state) == (
                "server.enabled",
                "server.listen: Vlanif1",
                "server.reference_stratum",
            )
        # Whoever describes the list describes the whole section.
        wanted = configuration_from_options(upstream({"address": "10.0.0.1"}))
        assert kept_for_other_lines(before, wanted, State.OVERRIDDEN) == ()
        assert plan(before, wanted, state=State.OVERRIDDEN).predicted.server.listen == ()

    @pytest.mark.parametrize("state", [State.MERGED, State.REPLACED, State.OVERRIDDEN])
    def test_a_key_that_would_not_be_there(self, state: State) -> None:
        with pytest.raises(UserError, match=r"unicast server 10\.0\.0\.1 uses key 42, which would not"):
            plan(EMPTY, configuration_from_options(upstream({"address": "10.0.0.1", "key_id": 42})), state=state)

    def test_a_key_that_the_version_of_the_device_does_not_allow(self) -> None:
        before = present(UpstreamServer(ONE, version=4), keys=(replace(KEY, id=70000),))
        wanted = configuration_from_options(upstream({"address": "10.0.0.1", "key_id": 70000}))
        with pytest.raises(UserError, match="keys up to 65535"):
            plan(before, wanted, state=State.MERGED)
        assert plan(before, wanted, state=State.REPLACED)


REFUSED = [
    ({"address": "224.0.1.1"}, "address", "neither multicast"),
    ({"address": "127.0.0.1"}, "address", "neither multicast"),
    ({"address": "127.127.1.0"}, "address", "neither multicast"),
    ({"address": "255.255.255.255"}, "address", "neither multicast"),
    ({"address": "0.0.0.0"}, "address", "neither multicast"),
    ({"address": "::"}, "address", "neither multicast"),
    ({"address": "::1"}, "address", "neither multicast"),
    ({"address": "fe80::1%eth0"}, "address", "without a zone"),
    ({"address": "time.example.com"}, "address", "address of a host"),
    ({"address": "fd00::7", "version": 4}, "version", "takes no version"),
    ({"address": "10.0.0.1", "version": 4, "key_id": 65536}, "key_id", "1 to 65535"),
    ({"address": "10.0.0.1", "version": 5}, "version", "from 1 to 4"),
    ({"address": "10.0.0.1", "minpoll": 7}, "minpoll", "from 3 to 6"),
    ({"address": "10.0.0.1", "maxpoll": 9}, "maxpoll", "from 10 to 17"),
]
REFUSED_ON_VRP = [
    ({"address": "10.0.0.1", "vpn_instance": "_public_"}, "vpn_instance", "not _public_"),
    ({"address": "10.0.0.1", "vpn_instance": "a b"}, "vpn_instance", "letters, digits"),
    ({"address": "10.0.0.1", "vpn_instance": "x" * 32}, "vpn_instance", "1 to 31"),
    ({"address": "10.0.0.1", "vpn_instance": ""}, "vpn_instance", "1 to 31"),
    ({"address": "10.0.0.1", "source_interface": "Vlanif"}, "source_interface", "name of an interface"),
]
REFUSED_ON_LINUX = [
    ({"address": "10.0.0.1", "vpn_instance": "red"}, "vpn_instance", "leave it out"),
    ({"address": "10.0.0.1", "source_interface": "eth0"}, "source_interface", "leave it out"),
    ({"address": "fe80::1"}, "address", "link-local"),
    ({"address": "10.0.0.1", "key_id": 65536}, "key_id", "1 to 65535"),
    ({"address": "fd00::7", "key_id": 65536}, "key_id", "1 to 65535"),
]


@pytest.mark.parametrize(
    ("platform", "entry", "option", "rule"),
    [(platform, *row) for platform in ("vrp", "linux") for row in REFUSED]
    + [("vrp", *row) for row in REFUSED_ON_VRP]
    + [("linux", *row) for row in REFUSED_ON_LINUX],
)
def test_refused(platform: str, entry: dict[str, Any], option: str, rule: str) -> None:
    (problem,) = problems(upstream(entry), platform=platform)  # type: ignore[arg-type]
    assert problem.path == f"config.server.upstream[0].{option}"
    assert rule in problem.rule


def test_given_twice() -> None:
    twice = upstream({"address": "fd00::7"}, {"address": "FD00:0::7"})
    for platform in ("vrp", "linux"):
        (problem,) = problems(twice, platform=platform)  # type: ignore[arg-type]
        assert problem.path == "config.server.upstream[1].address"
        assert "config.server.upstream[0].address is the same" in problem.rule
    assert problems(upstream({"address": "fd00::7"}, {"address": "fd00::7", "vpn_instance": "a"}), platform="vrp") == []


def test_an_unknown_key() -> None:
    options = {"authentication": {"keys": [KEY_OPTIONS]}, **upstream({"address": "10.0.0.1", "key_id": 7})}
    (problem,) = problems(options, platform="vrp", prefix="ntp_multicast_")
    assert problem.path == "ntp_multicast_server.upstream[0].key_id"
    assert "one of ntp_multicast_authentication.keys" in problem.rule
    assert problems(options, platform="vrp", state="deleted") == []


@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        ({"address": "10.0.0.1", "key_id": 42}, {"trusted": True}, []),
        ({"address": "10.0.0.1", "key_id": 42}, {"trusted": None}, ["trusted keys alone"]),
        ({"address": "fd00::7", "key_id": 65536}, {"id": 65536}, ["version 4"]),
        ({"address": "10.0.0.1"}, {"trusted": None}, []),
    ],
)
def test_advice(entry: dict[str, Any], key: dict[str, Any], words: list[str]) -> None:
    options = {"authentication": {"keys": [{**KEY_OPTIONS, **key}]}, **upstream(entry)}
    found = warnings(options, platform="vrp")
    assert [word in advice.rule for word, advice in zip(words, found, strict=True)] == [True] * len(words)
    assert warnings(options, platform="linux") == []


def test_keys_that_are_not_used() -> None:
    options = {"authentication": {"enabled": False}, **upstream({"address": "10.0.0.1", "key_id": 42})}
    assert [advice.path for advice in warnings(options, platform="vrp")] == ["config.authentication.enabled"]
