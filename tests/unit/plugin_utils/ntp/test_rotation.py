# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left of a rotation, what is wrong with it, and what proves a client."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import Secret
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.proof import Look, Source, judge
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.rotation import (
    Host,
    KeyEntry,
    Rotation,
    Sender,
    Side,
    Step,
    problems_of_description,
    problems_of_hosts,
    remaining,
    told,
)

OLD = KeyEntry(42, "aes-128-cmac", True, Secret("Aa1-the-old-key!"))
NEW = KeyEntry(43, "hmac-sha256", True, Secret("Bb2-the-new-key-43"))
ROTATION = Rotation(OLD, 43)
GROUP = "224.0.1.1"


def held(*keys: KeyEntry) -> tuple[KeyEntry, ...]:
    """Keys as a host shows them."""
    return tuple(replace(key, secret=None) for key in keys)


def server(present: tuple[KeyEntry, ...] = (OLD,), signs: int | None = 42, **changed: object) -> Host:
    wanted = Side((NEW,), (Sender("100ge 1/0/1", GROUP, 43),), frozenset(), True)
    now = Side(held(*present), (Sender("100GE1/0/1", GROUP, signs),), frozenset(), True)
    return replace(Host(wanted, now), **changed)  # type: ignore[arg-type]


def client(*present: KeyEntry, wanted: tuple[KeyEntry, ...] = (NEW,)) -> Host:
    groups = frozenset({GROUP})
    return Host(Side(wanted, (), groups, True), Side(held(*(present or (OLD,))), (), groups, True))


def steps(hosts: dict[str, Host]) -> dict[str, tuple[str, ...]]:
    return {step.value: names for step, names in remaining(ROTATION, hosts).steps.items()}


def test_in_the_beginning_everything_is_left() -> None:
    hosts = {"s": server(), "c": client()}
    assert steps(hosts) == {"new_key": ("s", "c"), "servers": ("s",), "clients": ("c",), "old_key": ("s", "c")}
    assert problems_of_description(ROTATION, hosts) == []
    assert problems_of_hosts(ROTATION, hosts) == []


def test_each_point_is_found_from_what_is_on_the_hosts() -> None:
    both = (OLD, NEW)
    half = {"s": server(both), "c": client(*both), "d": client()}
    assert steps(half)["new_key"] == ("d",)
    switched = {"s": server(both, 43), "t": server(both), "c": client(*both)}
    assert steps(switched)["new_key"] == ()
    assert steps(switched)["servers"] == ("t",)
    going = {"s": server((NEW,), 43), "c": client(*both), "d": client(NEW)}
    assert steps(going) == {"new_key": (), "servers": (), "clients": ("c", "d"), "old_key": ("c",)}
    done = {"s": server((NEW,), 43), "c": client(NEW)}
    assert remaining(ROTATION, done).finished
    assert steps(done) == {"new_key": (), "servers": (), "clients": (), "old_key": ()}


@pytest.mark.parametrize("key", [replace(NEW, trusted=False), replace(NEW, algorithm="md5")])
def test_a_key_that_is_not_trusted_or_of_another_kind_is_not_there(key: KeyEntry) -> None:
    assert steps({"s": server(), "c": client(OLD, key)})["new_key"] == ("s", "c")


def test_a_server_need_not_trust_where_that_is_not_described() -> None:
    untrusted = replace(NEW, trusted=None)
    host = server((OLD, replace(NEW, trusted=False)))
    host = replace(host, wanted=replace(host.wanted, keys=(untrusted,)))
    assert steps({"s": host})["new_key"] == ()


def test_a_client_without_authentication_or_of_another_group_is_not_watched() -> None:
    deaf = replace(client(), wanted=replace(client().wanted, authenticated=False))
    other = replace(client(), wanted=replace(client().wanted, groups=frozenset({"239.1.1.1"})))
    assert steps({"s": server(), "a": deaf, "b": other, "c": client()})["clients"] == ("c",)


def test_a_key_that_nobody_uses_yet_is_compared_also_where_it_is() -> None:
    both = (OLD, NEW)
    assert remaining(ROTATION, {"s": server(both), "c": client(*both), "d": client()}).new_key == ("s", "c", "d")
    used = {"s": server(both, 43), "c": client(*both), "d": client()}
    assert remaining(ROTATION, used).new_key == ("d",)
    assert remaining(ROTATION, {"s": server((NEW,), 43), "c": client(NEW)}).new_key == ()


def test_the_steps_are_told_with_their_hosts() -> None:
    lines = told(ROTATION, remaining(ROTATION, {"s": server((OLD, NEW)), "c": client(OLD, NEW)}))
    assert lines == [
        "Rotation of key 42 to key 43:",
        "  1. key 43 is brought to every host and trusted: done, and its secret is compared once more",
        "  2. the servers sign with key 43: s (1)",
        "  3. each client is proven on key 43: c (1)",
        "  4. key 42 is removed: s, c (2)",
    ]


# -- what is wrong -----------------------------------------------------------------------------------------------------


def wrong_description(rotation: Rotation = ROTATION, **hosts: Host) -> str:
    found = problems_of_description(rotation, {"s": server(), "c": client(), **hosts})
    assert found
    return "\n".join(found)


def test_the_old_key_is_no_new_key() -> None:
    assert "the new key is the old one, 43" in wrong_description(Rotation(replace(OLD, id=43), 43))


def test_the_same_secret_under_another_id_rotates_nothing() -> None:
    same = replace(OLD, secret=NEW.secret)
    said = wrong_description(Rotation(same, 43))
    assert "keys 42 and 43 have the same secret" in said
    assert "Bb2" not in said


def test_a_new_key_without_a_secret_is_refused() -> None:
    said = wrong_description(c=client(wanted=(replace(NEW, secret=None),)))
    assert "c (1): ntp_multicast_authentication.keys: key 43 has no secret" in said


def test_one_key_with_two_secrets_is_refused() -> None:
    said = wrong_description(c=client(wanted=(replace(NEW, secret=Secret("Cc3-typed-wrong-43")),)))
    assert "Key 43 is not the same everywhere" in said
    assert "s (1); c (1)" in said


@pytest.mark.parametrize(
    ("old", "missing"), [(replace(OLD, secret=None), "old.secret"), (replace(OLD, algorithm=None), "old.algorithm")]
)
def test_linux_needs_all_of_the_old_key(old: KeyEntry, missing: str) -> None:
    said = wrong_description(Rotation(old, 43), c=replace(client(), needs_secrets=True))
    assert f"ntp_multicast_rotation.{missing} is missing. c (1)" in said
    assert problems_of_description(Rotation(old, 43), {"s": server(), "c": client()}) == []


def test_the_variables_have_to_describe_the_end() -> None:
    assert "still has the old key 42" in wrong_description(c=client(wanted=(NEW, OLD)))
    before = server()
    sends = replace(before, wanted=replace(before.wanted, senders=(Sender("100GE1/0/1", GROUP, 42),)))
    assert "still sends with the old key 42" in wrong_description(t=sends)
    assert "no server is described that sends with key 43" in wrong_description(s=sends)
    assert "is not trusted, and the host is a client" in wrong_description(
        c=client(wanted=(replace(NEW, trusted=False),))
    )


def test_a_client_that_would_be_left_behind_is_named() -> None:
    said = wrong_description(d=client(wanted=(replace(NEW, id=7),)))
    assert f"d: listens to {GROUP}, where servers will sign with key 43" in said


def test_a_new_key_that_nobody_describes_is_refused() -> None:
    assert "no host describes key 44" in wrong_description(Rotation(OLD, 44))


def wrong_host(**hosts: Host) -> str:
    found = problems_of_hosts(ROTATION, {"s": server(), "c": client(), **hosts})
    assert found
    return "\n".join(found)


def test_a_server_that_signs_with_a_third_key_is_in_another_rotation() -> None:
    said = wrong_host(s=server((OLD,), 41))
    assert "s (1): it signs with key 41 to 224.0.1.1" in said
    assert "neither the old key 42 nor the new key 43" in said


def test_a_trusted_key_that_nobody_knows_is_another_rotation() -> None:
    third = KeyEntry(44, "md5", True)
    assert "c (1): it trusts key 44" in wrong_host(c=client(OLD, third))
    used = client(OLD, third)
    used = replace(used, present=replace(used.present, used_elsewhere={44: "ntp unicast-server 10.0.0.9"}))
    assert problems_of_hosts(ROTATION, {"s": server(), "c": used}) == []


def test_a_key_that_others_need_is_not_rotated() -> None:
    used = client()
    used = replace(used, present=replace(used.present, used_elsewhere={42: "ntp unicast-server 10.0.0.9"}))
    assert "ntp unicast-server 10.0.0.9" in wrong_host(c=used)


def test_an_unknown_old_key_is_refused() -> None:
    said = problems_of_hosts(ROTATION, {"c": client(KeyEntry(7, "md5", False))})
    assert any("no host has key 42" in line for line in said)


def test_hosts_that_are_not_as_described_are_not_rotated() -> None:
    bare = replace(server(), present=Side(held(OLD), (), frozenset(), True))
    assert "it does not send to 224.0.1.1" in wrong_host(s=bare)
    off = replace(client(), present=replace(client().present, authenticated=False))
    assert "authentication is not switched on" in wrong_host(c=off)


# -- no moment without a key -------------------------------------------------------------------------------------------


def test_whatever_the_order_no_client_is_left_without_a_key() -> None:
    """All states that a run can be in, when each step is only taken as the plan allows, one host after the other."""
    names = {"s": "server", "t": "server", "c": "client", "d": "client"}
    present: dict[str, set[int]] = {name: {42} for name in names}
    signs = {"s": 42, "t": 42}
    keys = {42: OLD, 43: NEW}
    for _round in itertools.count():
        hosts = {
            name: server(tuple(keys[n] for n in sorted(present[name])), signs[name])
            if kind == "server"
            else client(*(keys[n] for n in sorted(present[name])))
            for name, kind in names.items()
        }
        left = remaining(ROTATION, hosts)
        for name in ("c", "d"):
            assert set(signs.values()) <= present[name]
        if left.finished:
            break
        if left.steps[Step.NEW_KEY]:
            present[left.steps[Step.NEW_KEY][-1]].add(43)
        elif left.steps[Step.SERVERS]:
            signs[left.steps[Step.SERVERS][-1]] = 43
        else:
            present[left.steps[Step.OLD_KEY][-1]].discard(42)
    assert all(have == {43} for have in present.values())


# -- the proof ---------------------------------------------------------------------------------------------------------

S1, S2 = "10.0.0.1", "10.0.0.2"


def device(at: float, *, taken: int = 0, failures: int = 0, heard: float = 3, **changed: object) -> Look:
    sources = (Source(S1, 255, 8, heard, None, True), Source(S2, 255, 8, heard))
    look = Look(at, at + 0.5, sources, processed=100 + taken, failures=7 + failures)
    return replace(look, **changed)  # type: ignore[arg-type]


def engine(at: float, *, key_id: int | None = 43, taken: int = 0, heard: float = 3, **changed: object) -> Look:
    sources = (Source(S1, 255, 8, heard, key_id, True),)
    look = Look(at, at, sources, tells_keys=True, run="7", processed=100 + taken)
    return replace(look, **changed)  # type: ignore[arg-type]


def test_fresh_packets_without_failures_prove_a_device() -> None:
    verdict = judge(device(0), device(18, taken=4), (42, 43), 2)
    assert verdict.proven
    assert verdict.words == (
        "by counters: fresh packets of 10.0.0.1, 10.0.0.2 in 18 s, 4 packets taken, no authentication failed, "
        "no source lost"
    )


def test_the_key_of_the_last_packet_proves_a_linux_host() -> None:
    verdict = judge(engine(0, key_id=42), engine(16, taken=2), (42, 43), 2)
    assert verdict.proven
    assert verdict.words == "by the key: the last packets of 10.0.0.1 are signed with key 43"


def test_a_device_that_counts_nothing_is_proven_by_sessions_and_says_so() -> None:
    first, last = (replace(device(at), processed=None, failures=None) for at in (0, 18))
    verdict = judge(first, last, (42, 43), 2)
    assert verdict.proven
    assert "it counts neither packets nor failures" in verdict.words


def test_a_device_that_tells_no_losses_is_not_said_to_have_none() -> None:
    first, last = (replace(look, losses=None) for look in (device(0), device(18, taken=4)))
    verdict = judge(first, last, (42, 43), 2)
    assert verdict.proven
    assert verdict.words.endswith("no authentication failed, its losses are not told")


@pytest.mark.parametrize(
    ("last", "words", "again"),
    [
        (device(18, taken=4, failures=1), "the authentication of 1 packets failed", True),
        (device(18, taken=4, losses=("10.0.0.2 (Authentication failure, now)",)), "it lost a source: 10.0.0.2", True),
        (device(18, taken=-3), "its counters were", True),
        (device(18, taken=4, heard=17), "was last heard 17 s ago", False),
        (device(18, taken=1), "it took 1 packets", False),
        (device(12, taken=4), "2 intervals are 16 s", False),
        (device(18, taken=4, synchronised=False), "not synchronised yet", False),
        (device(18, taken=4, sources=(Source(S1, 255, 8, 3, None, True),)), "10.0.0.2 is not heard any more", False),
    ],
)
def test_a_device_is_not_proven(last: Look, words: str, again: bool) -> None:
    verdict = judge(device(0), last, (42, 43), 2)
    assert not verdict.proven
    assert words in verdict.words
    assert verdict.again is again


@pytest.mark.parametrize(
    ("last", "words", "again"),
    [
        (engine(18, taken=4, key_id=42), "is signed with key 42", False),
        (engine(18, taken=4, key_id=None), "is not signed", False),
        (engine(18, taken=4, run="8"), "it was restarted", True),
        (engine(18, taken=4, heard=18.5), "was last heard", False),
        (engine(18, taken=4, sources=()), "is not heard any more", False),
    ],
)
def test_a_linux_host_is_not_proven(last: Look, words: str, again: bool) -> None:
    verdict = judge(engine(0), last, (42, 43), 2)
    assert not verdict.proven
    assert words in verdict.words
    assert verdict.again is again


def test_a_server_that_signs_with_a_third_key_is_not_waited_for() -> None:
    other = Source(S2, 255, 8, 3, 7)
    first, last = (replace(look, sources=(*look.sources, other)) for look in (engine(0), engine(18, taken=4)))
    assert judge(first, last, (42, 43), 2).words == "by the key: the last packets of 10.0.0.1 are signed with key 43"


def test_without_the_age_of_a_packet_the_register_has_to_move_on() -> None:
    ageless = (Source(S1, 255, 8, None, None, True),)
    assert judge(device(0, sources=ageless), device(18, taken=4, sources=ageless), (42, 43), 2).proven
    missed = (Source(S1, 254, 8, None, None, True),)
    assert not judge(device(0, sources=ageless), device(18, taken=4, sources=missed), (42, 43), 2).proven


def test_a_client_that_hears_nobody_begins_anew() -> None:
    verdict = judge(device(0, sources=()), device(18, sources=()), (42, 43), 2)
    assert (verdict.proven, verdict.words, verdict.again) == (False, "it hears no server", True)
