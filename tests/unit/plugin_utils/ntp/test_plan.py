# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan does, and in which order (facts 0.2, 0.5 and 1.3; pains 4.1.10 to 4.1.12)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.changes import (
    Change,
    KeyReason,
    Listen,
    RemoveAssociation,
    RemoveKey,
    SetAssociation,
    SetKey,
    SetReferenceStratum,
    SwitchAuthentication,
    SwitchServer,
    TrustKey,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import KeyMemory, remember
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    EMPTY,
    AddressFamily,
    Algorithm,
    Authentication,
    Configuration,
    Interface,
    Key,
    MulticastClient,
    MulticastServer,
    Secret,
    ServerSettings,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State, UpdateSecrets, plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.target import kept_for_other_lines

IPV4, IPV6 = AddressFamily.IPV4, AddressFamily.IPV6
GROUP = ip_address("224.0.1.1")
SHOWN = Secret("%^%#shown%^%#")


def present(
    *interfaces: Interface,
    keys: tuple[Key, ...] = (),
    enabled: bool = False,
    foreign: bool = False,
    **server: Any,
) -> Configuration:
    nothing = {"listen": (), "ipv6_listen": (), "upstream": ()}
    settings = {"enabled": False, "ipv6_enabled": False, **nothing, **server}
    return Configuration(Authentication(enabled, keys), ServerSettings(**settings), interfaces, foreign)


def changes(before: Configuration, options: dict[str, Any], state: State, **how: Any) -> tuple[Change, ...]:
    return plan(before, configuration_from_options(options), state=state, **how).changes


def interface(name: str = "Vlanif1", **entries: Any) -> dict[str, Any]:
    return {"name": name, **entries}


def serving(*servers: MulticastServer, name: str = "Vlanif1") -> Interface:
    return Interface(name, servers, ())


KEY = Key(42, Algorithm.HMAC_SHA256, None, SHOWN, True)
KEY_OPTIONS = {"id": 42, "algorithm": "hmac-sha256", "secret": "YsHsjx_202206", "trusted": True}


class TestOrder:
    def test_going_and_coming(self) -> None:
        before = present(
            serving(MulticastServer(GROUP, key_id=7)), keys=(Key(7, Algorithm.MD5, None, SHOWN, True),), enabled=True
        )
        wanted = {
            "authentication": {"enabled": True, "keys": [KEY_OPTIONS]},
            "server": {"enabled": True, "listen": ["Vlanif1"], "reference_stratum": 3},
            "interfaces": [interface("Vlanif2", servers=[{"key_id": 42}])],
        }
        assert changes(before, wanted, State.OVERRIDDEN) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP, key_id=7)),
            TrustKey(7, False),
            RemoveKey(7),
            SetKey(42, Algorithm.HMAC_SHA256, Secret("YsHsjx_202206")),
            TrustKey(42, True),
            SetReferenceStratum(3),
            Listen(IPV4, "Vlanif1", True),
            SetAssociation("Vlanif2", MulticastServer(GROUP, key_id=42)),
            SwitchServer(IPV4, True),
        )

    def test_associations_are_created_anew_when_authentication_comes_under_them(self) -> None:
        before = present(Interface("Vlanif1", (MulticastServer(GROUP),), (MulticastClient(GROUP),)))
        assert changes(before, {"authentication": {"enabled": True}}, State.MERGED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP)),
            RemoveAssociation("Vlanif1", MulticastClient(GROUP)),
            SwitchAuthentication(True),
            SetAssociation("Vlanif1", MulticastServer(GROUP)),
            SetAssociation("Vlanif1", MulticastClient(GROUP)),
        )

    def test_the_switch_goes_last_when_all_goes(self) -> None:
        before = present(serving(MulticastServer(GROUP, key_id=42)), keys=(KEY,), enabled=True, reference_stratum=2)
        assert changes(before, {}, State.DELETED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP, key_id=42)),
            TrustKey(42, False),
            RemoveKey(42),
            SetReferenceStratum(None),
            SwitchAuthentication(False),
        )

    def test_a_key_is_replaced_in_one_run(self) -> None:
        before = present(
            serving(MulticastServer(GROUP, key_id=7)), keys=(Key(7, Algorithm.MD5, None, SHOWN, True),), enabled=True
        )
        wanted = {
            "authentication": {"enabled": True, "keys": [KEY_OPTIONS]},
            "interfaces": [interface(servers=[{"key_id": 42}])],
        }
        for state in (State.REPLACED, State.OVERRIDDEN):
            assert changes(before, wanted, state) == (
                SetKey(42, Algorithm.HMAC_SHA256, Secret("YsHsjx_202206")),
                TrustKey(42, True),
                SetAssociation("Vlanif1", MulticastServer(GROUP, key_id=42)),
                TrustKey(7, False),
                RemoveKey(7),
            )

    def test_a_server_lets_go_of_its_key_before_the_key_goes(self) -> None:
        before = present(serving(MulticastServer(GROUP, key_id=42)), keys=(KEY,))
        wanted = {"authentication": {"keys": []}, "interfaces": [interface(servers=[{}])]}
        assert changes(before, wanted, State.REPLACED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP, key_id=42)),
            TrustKey(42, False),
            RemoveKey(42),
            SetAssociation("Vlanif1", MulticastServer(GROUP)),
        )


class TestAssociations:
    def test_a_changed_value_is_set(self) -> None:
        before = present(serving(MulticastServer(GROUP, ttl=16, version=4)))
        assert changes(before, {"interfaces": [interface(servers=[{"ttl": 32}])]}, State.MERGED) == (
            SetAssociation("Vlanif1", MulticastServer(GROUP, ttl=32, version=4)),
        )

    @pytest.mark.parametrize("given", [{"ttl": 9}, {"version": 4}, {"port": 5000}, {"key_id": 42}])
    def test_a_dropped_parameter_is_undo_and_set(self, given: dict[str, int]) -> None:
        before = present(serving(MulticastServer(GROUP, **given)), keys=(KEY,), enabled=True)
        assert changes(before, {"interfaces": [interface(servers=[{}])]}, State.REPLACED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP, **given)),
            SetAssociation("Vlanif1", MulticastServer(GROUP)),
        )

    @pytest.mark.parametrize("shown", [{}, {"version": 3}, {"port": 123}])
    @pytest.mark.parametrize("given", [{}, {"version": 3, "port": 123}])
    def test_defaults_are_equal_whether_said_or_not(self, shown: dict[str, int], given: dict[str, int]) -> None:
        before = present(serving(MulticastServer(GROUP, **shown)))
        for state in (State.MERGED, State.REPLACED):
            assert changes(before, {"interfaces": [interface(servers=[given])]}, state) == ()

    def test_what_is_predicted_keeps_the_words_of_the_device(self) -> None:
        before = present(serving(MulticastServer(GROUP)))
        wanted = configuration_from_options({"interfaces": [interface(servers=[{"version": 3, "port": 123}])]})
        for state in (State.MERGED, State.REPLACED):
            assert plan(before, wanted, state=state).predicted == before

    @pytest.mark.parametrize("ttl", [1, 16, 255])
    def test_a_ttl_is_not_met_by_a_line_without_one(self, ttl: int) -> None:
        before = present(serving(MulticastServer(GROUP)))
        wanted = {"interfaces": [interface(servers=[{"ttl": ttl}])]}
        for state in (State.MERGED, State.REPLACED):
            assert changes(before, wanted, state) == (SetAssociation("Vlanif1", MulticastServer(GROUP, ttl=ttl)),)

    @pytest.mark.parametrize("ttl", [16, 255])
    def test_a_ttl_that_nobody_asks_for_is_taken_away_where_it_is_made_exactly_so(self, ttl: int) -> None:
        before = present(serving(MulticastServer(GROUP, ttl=ttl)))
        wanted = {"interfaces": [interface(servers=[{}])]}
        assert changes(before, wanted, State.MERGED) == ()
        assert changes(before, wanted, State.REPLACED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP, ttl=ttl)),
            SetAssociation("Vlanif1", MulticastServer(GROUP)),
        )

    def test_a_ttl_that_the_device_took_and_does_not_show_is_its_default(self) -> None:
        before = present(serving(MulticastServer(GROUP)))
        wanted = {"interfaces": [interface(servers=[{"ttl": 16}])]}
        made = changes(before, wanted, State.MERGED)
        memory = remember({}, made, before)
        assert memory.default_ttl == 16
        for state in (State.MERGED, State.REPLACED):
            assert changes(before, wanted, state, memory=memory) == ()
        assert plan(before, configuration_from_options(wanted), state=State.MERGED, memory=memory).predicted == before
        other = {"interfaces": [interface(servers=[{"ttl": 255}])]}
        assert changes(before, other, State.MERGED, memory=memory)

    @pytest.mark.parametrize("shown", [{"ttl": 255}, {"version": 4}, {"port": 5000}])
    def test_what_the_device_shows_otherwise_is_not_what_was_sent(self, shown: dict[str, int]) -> None:
        wanted = {"interfaces": [interface(servers=[{"ttl": 16, "version": 3, "port": 123}])]}
        shown_after = present(serving(MulticastServer(GROUP, **shown)))
        memory = remember({}, changes(EMPTY, wanted, State.MERGED), shown_after)
        assert memory.default_ttl is None
        assert changes(shown_after, wanted, State.MERGED, memory=memory)

    def test_names_compare_as_devices_compare_them(self) -> None:
        before = present(serving(MulticastServer(GROUP), name="100GE1/0/1"))
        assert changes(before, {"interfaces": [interface("100ge 1/0/1", servers=[{}])]}, State.OVERRIDDEN) == ()

    def test_another_group_adds(self) -> None:
        before = present(serving(MulticastServer(GROUP)))
        other = MulticastServer(IPv4Address("239.1.1.1"))
        wanted = {"interfaces": [interface(servers=[{"address": "239.1.1.1"}])]}
        assert changes(before, wanted, State.MERGED) == (SetAssociation("Vlanif1", other),)
        assert changes(before, wanted, State.REPLACED) == (
            RemoveAssociation("Vlanif1", MulticastServer(GROUP)),
            SetAssociation("Vlanif1", other),
        )

    def test_replaced_leaves_other_interfaces_and_overridden_does_not(self) -> None:
        before = present(serving(MulticastServer(GROUP)), serving(MulticastServer(GROUP), name="Vlanif2"))
        wanted = {"interfaces": [interface(servers=[{}])]}
        assert changes(before, wanted, State.REPLACED) == ()
        assert changes(before, wanted, State.OVERRIDDEN) == (RemoveAssociation("Vlanif2", MulticastServer(GROUP)),)

    def test_deleted_takes_what_is_given(self) -> None:
        before = present(
            Interface("Vlanif1", (MulticastServer(GROUP, ttl=9),), (MulticastClient(GROUP),)),
            serving(MulticastServer(GROUP), name="Vlanif2"),
        )
        client = RemoveAssociation("Vlanif1", MulticastClient(GROUP))
        server = RemoveAssociation("Vlanif1", MulticastServer(GROUP, ttl=9))
        assert changes(before, {"interfaces": [interface(clients=[{}])]}, State.DELETED) == (client,)
        assert changes(before, {"interfaces": [interface()]}, State.DELETED) == (server, client)
        assert changes(before, {"interfaces": [interface("Vlanif3")]}, State.DELETED) == ()


class TestKeys:
    def reason(self, shown: Key | None, given: dict[str, Any], **how: Any) -> KeyReason | None:
        before = present(keys=(shown,) if shown else ())
        options = {"authentication": {"keys": [given]}}
        found = [c.reason for c in changes(before, options, State.MERGED, **how) if isinstance(c, SetKey)]
        return found[0] if found else None

    def test_a_new_key(self) -> None:
        assert self.reason(None, KEY_OPTIONS) is KeyReason.CREATED

    def test_without_memory_update_secrets_decides(self) -> None:
        assert self.reason(KEY, KEY_OPTIONS) is None
        assert self.reason(KEY, KEY_OPTIONS, update_secrets=UpdateSecrets.ALWAYS) is KeyReason.ALWAYS

    def test_another_algorithm(self) -> None:
        assert self.reason(KEY, {**KEY_OPTIONS, "algorithm": "md5"}) is KeyReason.ALGORITHM

    @pytest.mark.parametrize("update_secrets", [UpdateSecrets.ON_CREATE, UpdateSecrets.ALWAYS])
    def test_memory_decides(self, update_secrets: UpdateSecrets) -> None:
        memory = {42: KeyMemory.of(Algorithm.HMAC_SHA256, Secret("YsHsjx_202206"), SHOWN)}
        how: dict[str, Any] = {"memory": memory, "update_secrets": update_secrets}
        assert self.reason(KEY, KEY_OPTIONS, **how) is None
        assert self.reason(KEY, {**KEY_OPTIONS, "secret": "Another_202206"}, **how) is KeyReason.ROTATED
        drifted = Key(42, Algorithm.HMAC_SHA256, None, Secret("%^%#other%^%#"), True)
        assert self.reason(drifted, KEY_OPTIONS, **how) is KeyReason.CHANGED_ON_DEVICE

    def test_never_looks_at_id_algorithm_and_trust_only(self) -> None:
        memory = {42: KeyMemory.of(Algorithm.HMAC_SHA256, Secret("YsHsjx_202206"), SHOWN)}
        never: dict[str, Any] = {"memory": memory, "update_secrets": UpdateSecrets.NEVER}
        assert self.reason(KEY, {**KEY_OPTIONS, "secret": "Another_202206"}, **never) is None
        drifted = Key(42, Algorithm.HMAC_SHA256, None, Secret("%^%#other%^%#"), True)
        assert self.reason(drifted, KEY_OPTIONS, **never) is None
        assert self.reason(KEY, {**KEY_OPTIONS, "secret": ""}, **never) is None
        assert self.reason(None, KEY_OPTIONS, **never) is KeyReason.CREATED
        assert self.reason(KEY, {**KEY_OPTIONS, "algorithm": "md5"}, **never) is KeyReason.ALGORITHM
        options = {"authentication": {"keys": [{**KEY_OPTIONS, "secret": "", "trusted": False}]}}
        assert changes(present(keys=(KEY,)), options, State.MERGED, **never) == (TrustKey(42, False),)
        with pytest.raises(UserError, match="its secret has to be given"):
            self.reason(None, {**KEY_OPTIONS, "secret": ""}, **never)

    def test_trust_alone(self) -> None:
        options = {"authentication": {"keys": [{"id": 42, "trusted": False}]}}
        assert changes(present(keys=(KEY,)), options, State.MERGED) == (TrustKey(42, False),)

    def test_trust_that_is_not_asked_for_goes_where_it_is_made_exactly_so(self) -> None:
        options = {"authentication": {"keys": [{"id": 42}]}}
        assert changes(present(keys=(KEY,)), options, State.MERGED) == ()
        assert changes(present(keys=(KEY,)), options, State.REPLACED) == (TrustKey(42, False),)
        assert changes(present(keys=(KEY,)), options, State.OVERRIDDEN) == (TrustKey(42, False),)

    def test_the_length_of_a_secret_is_that_of_the_algorithm_on_the_device(self) -> None:
        shown = Key(42, Algorithm.AES_128_CMAC, None, SHOWN)
        wanted = {"authentication": {"keys": [{"id": 42, "secret": "GEHEIM"}]}}
        with pytest.raises(UserError, match=r"key 42 is refused: .* exactly 16 characters") as error:
            changes(present(keys=(shown,)), wanted, State.MERGED, update_secrets=UpdateSecrets.ALWAYS)
        assert "GEHEIM" not in str(error.value)

    @pytest.mark.parametrize(
        ("shown", "given"),
        [
            ({"key_id": 70000}, {"version": 4}),
            ({"version": 4}, {"key_id": 70000}),
            ({}, {"key_id": 70000, "version": 4}),
        ],
    )
    def test_a_large_key_and_version_4_are_refused_wherever_they_come_from(
        self, shown: dict[str, int], given: dict[str, int]
    ) -> None:
        large = Key(70000, Algorithm.MD5, None, SHOWN)
        before = present(serving(MulticastServer(GROUP, **shown)), keys=(large,))
        with pytest.raises(UserError, match=r"224\.0\.1\.1 on Vlanif1 would use key 70000 with version 4"):
            changes(before, {"interfaces": [interface(servers=[given])]}, State.MERGED)

    def test_the_largest_key_of_version_4(self) -> None:
        before = present(serving(MulticastServer(GROUP, key_id=65535)), keys=(Key(65535, Algorithm.MD5, None, SHOWN),))
        assert changes(before, {"interfaces": [interface(servers=[{"version": 4}])]}, State.MERGED)

    @pytest.mark.parametrize(
        ("given", "missing"), [({"id": 42, "algorithm": "md5"}, "secret"), ({"id": 42, "secret": "x"}, "algorithm")]
    )
    def test_a_new_key_needs_all(self, given: dict[str, Any], missing: str) -> None:
        with pytest.raises(UserError, match=f"key 42 is not on the device, so its {missing} has to be given"):
            changes(EMPTY, {"authentication": {"keys": [given]}}, State.MERGED)

    def test_a_server_needs_its_key(self) -> None:
        wanted = {"interfaces": [interface(servers=[{"key_id": 42}])]}
        with pytest.raises(UserError, match=r"224\.0\.1\.1 on Vlanif1 uses key 42"):
            changes(EMPTY, wanted, State.MERGED)
        assert changes(present(keys=(KEY,)), wanted, State.MERGED)

    def test_a_key_in_use_is_not_removed(self) -> None:
        before = present(serving(MulticastServer(GROUP, key_id=42)), keys=(KEY,))
        with pytest.raises(UserError, match="uses key 42"):
            changes(before, {"authentication": {"keys": [{"id": 42}]}}, State.DELETED)

    def test_a_missing_key_that_was_there_before_us_is_left(self) -> None:
        before = present(serving(MulticastServer(GROUP, key_id=9)))
        assert changes(before, {"server": {"reference_stratum": 2}}, State.MERGED) == (SetReferenceStratum(2),)

    def test_keys_that_other_lines_use_stay(self) -> None:
        used = Key(9, Algorithm.MD5, None, SHOWN, True, used_elsewhere=True)
        before = present(keys=(used, KEY), enabled=True, foreign=True)
        for state, options in ((State.OVERRIDDEN, {"interfaces": []}), (State.DELETED, {})):
            assert changes(before, options, state) == (TrustKey(42, False), RemoveKey(42))
        with pytest.raises(UserError, match="key 9 can't be deleted"):
            changes(before, {"authentication": {"keys": [{"id": 9}]}}, State.DELETED)


class TestServerFunction:
    def test_the_automatic_lines_are_not_fought(self) -> None:
        before = present(serving(MulticastServer(GROUP)))
        wanted = {"interfaces": [interface(servers=[{}])]}
        for state in (State.MERGED, State.REPLACED, State.OVERRIDDEN):
            assert changes(before, wanted, state) == ()

    def test_the_first_line_brings_them_and_the_last_one_takes_them(self) -> None:
        wanted = configuration_from_options({"interfaces": [interface(servers=[{}])]})
        first = plan(EMPTY, wanted, state=State.MERGED).predicted
        assert (first.server.enabled, first.server.ipv6_enabled) == (False, False)
        last = plan(first, configuration_from_options({}), state=State.DELETED).predicted
        assert (last.server.enabled, last.server.ipv6_enabled) == (None, None)

    @pytest.mark.parametrize("state", [State.MERGED, State.REPLACED, State.OVERRIDDEN])
    def test_a_release_that_adds_the_line_of_ipv4_alone(self, state: State) -> None:
        wanted = configuration_from_options({"interfaces": [interface(servers=[{"address": "ff0e::101"}])]})
        first = plan(replace(EMPTY, adds_ipv6_server_disable=False), wanted, state=state)
        assert (first.predicted.server.enabled, first.predicted.server.ipv6_enabled) == (False, True)
        assert plan(first.predicted, wanted, state=state).changes == ()

    def test_ipv6_is_enabled_where_it_is_served(self) -> None:
        enabled = {"server": {"enabled": True}}
        ipv4 = present(serving(MulticastServer(GROUP)))
        ipv6 = present(serving(MulticastServer(ip_address("ff0e::101"))))
        assert changes(ipv4, enabled, State.MERGED) == (SwitchServer(IPV4, True),)
        assert changes(ipv6, enabled, State.MERGED) == (SwitchServer(IPV4, True), SwitchServer(IPV6, True))

    def test_asking_for_it_to_be_off(self) -> None:
        before = present(serving(MulticastServer(GROUP)), enabled=False)
        on = plan(before, configuration_from_options({"server": {"enabled": True}}), state=State.MERGED).predicted
        assert changes(on, {"server": {"enabled": False}}, State.MERGED) == (SwitchServer(IPV4, False),)

    def test_overridden_goes_back_to_what_the_device_does(self) -> None:
        before = present(serving(MulticastServer(GROUP)))
        on = plan(before, configuration_from_options({"server": {"enabled": True}}), state=State.MERGED).predicted
        assert changes(on, {"interfaces": [interface(servers=[{}])]}, State.OVERRIDDEN) == (SwitchServer(IPV4, False),)

    def test_the_ipv6_function_is_not_enabled_unasked(self) -> None:
        before = present(Interface("Vlanif1", (MulticastServer(ip_address("ff0e::101")),), ()), enabled=True)
        wanted = {"server": {"enabled": True}, "interfaces": [interface(servers=[{}])]}
        for state in (State.REPLACED, State.OVERRIDDEN):
            switched = [change for change in changes(before, wanted, state) if isinstance(change, SwitchServer)]
            assert switched == [SwitchServer(IPV4, True)]

    @pytest.mark.parametrize("enabled", [True, False])
    def test_on_a_device_without_ntp_there_is_nothing_to_switch(self, enabled: bool) -> None:
        assert changes(EMPTY, {"server": {"enabled": enabled}}, State.MERGED) == ()

    def test_sources(self) -> None:
        before = present(listen=("Vlanif1", "all"), ipv6_listen=("fd00::1", "all"), enabled=True)
        assert changes(before, {"server": {"listen": ["vlanif 1", "fd00::2"]}}, State.REPLACED) == (
            Listen(IPV4, "all", False),
            Listen(IPV6, "fd00::1", False),
            Listen(IPV6, "all", False),
            Listen(IPV6, "fd00::2", True),
        )
        assert changes(before, {"server": {"listen": ["all"]}}, State.DELETED) == (
            Listen(IPV4, "all", False),
            Listen(IPV6, "all", False),
        )


class TestUnicastService:
    """What unicast clients of a device need stays as long as a line tells that it may have some."""

    USER = "ntp unicast-peer 10.0.0.2"

    def before(self) -> Configuration:
        shown = present(
            serving(MulticastServer(GROUP, key_id=42)),
            keys=(KEY,),
            foreign=True,
            listen=("Vlanif1", "LoopBack0"),
            ipv6_listen=("fd00::1",),
            reference_stratum=3,
        )
        settings = replace(shown.server, enabled=True, ipv6_enabled=True)
        return replace(shown, server=settings, server_users=(self.USER,))

    def test_deleted_and_overridden_leave_it(self) -> None:
        gone = (RemoveAssociation("Vlanif1", MulticastServer(GROUP, key_id=42)), TrustKey(42, False), RemoveKey(42))
        for state, options in (
            (State.DELETED, {}),
            (State.OVERRIDDEN, {"interfaces": []}),
            (State.OVERRIDDEN, {"interfaces": [], "server": {}}),
        ):
            made = plan(self.before(), configuration_from_options(options), state=state)
            assert made.changes == gone
            assert made.predicted.server == self.before().server
            assert kept_for_other_lines(self.before(), configuration_from_options(options), state) == (
                "server.enabled",
                "server.listen: Vlanif1",
                "server.listen: LoopBack0",
                "server.listen: fd00::1",
                "server.reference_stratum",
            )

    def test_it_goes_with_the_last_line_that_needs_it(self) -> None:
        before = replace(self.before(), server_users=())
        made = plan(before, configuration_from_options({}), state=State.DELETED)
        assert kept_for_other_lines(before, configuration_from_options({}), State.DELETED) == ()
        assert Listen(IPV4, "LoopBack0", False) in made.changes
        assert SwitchServer(IPV4, False) in made.changes

    @pytest.mark.parametrize(
        ("state", "section", "change"),
        [
            (State.OVERRIDDEN, {"listen": ["Vlanif1"]}, Listen(IPV4, "LoopBack0", False)),
            (State.REPLACED, {"listen": []}, Listen(IPV4, "LoopBack0", False)),
            (State.DELETED, {"listen": ["LoopBack0"]}, Listen(IPV4, "LoopBack0", False)),
            (State.OVERRIDDEN, {"enabled": False}, SwitchServer(IPV4, False)),
            (State.DELETED, {"enabled": True}, SwitchServer(IPV4, False)),
            (State.DELETED, {"reference_stratum": 3}, SetReferenceStratum(None)),
        ],
    )
    def test_what_is_named_is_done(self, state: State, section: dict[str, Any], change: Change) -> None:
        assert change in changes(self.before(), {"server": section}, state)

    def test_nothing_is_said_where_nothing_would_go(self) -> None:
        before = replace(self.before(), server=ServerSettings(False, (), None, (), False))
        for state, options in ((State.DELETED, {}), (State.OVERRIDDEN, {"interfaces": []})):
            assert kept_for_other_lines(before, configuration_from_options(options), state) == ()

    def test_merged_says_nothing(self) -> None:
        wanted = configuration_from_options({"server": {"enabled": True}})
        assert kept_for_other_lines(self.before(), wanted, State.MERGED) == ()


def test_no_change_shows_a_secret() -> None:
    made = plan(EMPTY, configuration_from_options({"authentication": {"keys": [KEY_OPTIONS]}}), state=State.MERGED)
    assert made
    assert "YsHsjx_202206" not in f"{made} {made!r} {made.changes} {made.predicted}"
