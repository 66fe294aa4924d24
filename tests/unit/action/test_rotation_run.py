# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of the playbook rotate_key: from variables and registered results to what is done, and what is said."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.filter import rotation_plan as rotation_plan_module
from ansible_collections.timecast.ntp_multicast.plugins.filter.rotation_change import rotation_change
from ansible_collections.timecast.ntp_multicast.plugins.filter.rotation_plan import rotation_plan
from ansible_collections.timecast.ntp_multicast.plugins.filter.rotation_proof import rotation_proof
from ansible_collections.timecast.ntp_multicast.plugins.filter.rotation_report import rotation_report

SECRETS = {42: "Aa1-the-old-key!", 43: "Bb2-the-new-key-43"}
GROUP = "224.0.1.1"
OLD = {"id": 42, "algorithm": "aes-128-cmac", "secret": SECRETS[42]}
NEW = {"id": 43, "algorithm": "hmac-sha256", "secret": SECRETS[43], "trusted": True}
FOUND = {"vrp": ["s", "c"], "linux": ["l"], "failed": {}, "servers": ["s"], "skipped": ["other"]}
VRP = {"ansible_network_os": "timecast.ntp_multicast.vrp"}
Variables = dict[str, dict[str, Any]]


def present(*key_ids: int, **role: Any) -> dict[str, Any]:
    """What is on a host, in the shape of the model."""
    algorithms = {42: "aes-128-cmac", 43: "hmac-sha256", 44: "md5"}
    keys = [{"id": n, "algorithm": algorithms[n], "trusted": True} for n in key_ids]
    return {"authentication": {"enabled": True, "keys": keys}, "interfaces": [{"name": "100GE1/0/1", **role}]}


def engine(*key_ids: int) -> dict[str, Any]:
    """The registered results of a Linux client."""
    document = {
        "authentication": {"enabled": True, "trusted_keys": list(key_ids)},
        "clients": [{"interface": "eth0", "group": GROUP}],
    }
    lines = [f"{n} {'aes-128-cmac' if n == 42 else 'hmac-sha256'}" for n in key_ids]
    return {
        "__ntp_multicast_rotation_engine": {"content": base64.b64encode(json.dumps(document).encode()).decode()},
        "__ntp_multicast_rotation_keys": {"stdout_lines": lines},
    }


def device(*key_ids: int, signs: int | None = None) -> dict[str, Any]:
    """The registered result of a device."""
    role = {"clients": [{"address": GROUP}]} if signs is None else {"servers": [{"address": GROUP, "key_id": signs}]}
    return {"__ntp_multicast_rotation_read": {"gathered": present(*key_ids, **role), "outside_model": []}}


def status(synchronised: bool = True) -> dict[str, Any]:
    return {"ntp_multicast_status": {"ntp": {"synchronised": synchronised, "role": "client", "associations": []}}}


def hosts() -> Variables:
    common = {
        "ntp_multicast_authentication": {"enabled": True, "keys": [NEW]},
        "ntp_multicast_rotation": {"old": OLD, "new": 43},
        **status(),
    }
    server = {"ntp_multicast_interfaces": [{"name": "100ge 1/0/1", "servers": [{"address": GROUP, "key_id": "43"}]}]}
    client = {"ntp_multicast_interfaces": [{"name": "100GE1/0/1", "clients": [{"address": GROUP}]}]}
    linux = {"ntp_multicast_interfaces": [{"name": "eth0", "clients": [{"address": GROUP}]}]}
    return copy.deepcopy(
        {
            "s": {**VRP, **common, **server, **device(42, signs=42)},
            "c": {**VRP, **common, **client, **device(42)},
            "l": {**common, **linux, **engine(42)},
            "other": {},
        }
    )


@pytest.fixture(autouse=True)
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock has tests of its own; here nothing is written to anybody's home."""
    monkeypatch.setattr(rotation_plan_module, "already_rotating", lambda: "")


def test_a_second_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_plan_module, "already_rotating", lambda: "Another run.")
    assert refused(hosts()) == "Another run."
    assert plan(hosts(), dry=True)["problems"] == []


def plan(variables: Variables, **options: Any) -> dict[str, Any]:
    return rotation_plan(variables, FOUND, {"all": list(variables)}, **options)


def test_the_plan_has_the_hosts_of_each_step() -> None:
    found = plan(hosts())
    assert found["problems"] == []
    assert {step: entry["hosts"] for step, entry in found["todo"].items()} == {
        "new_key": ["s", "c", "l"],
        "servers": ["s"],
        "clients": ["c", "l"],
        "old_key": ["s", "c", "l"],
    }
    assert not any(secret in json.dumps(found) for secret in SECRETS.values())


def test_a_dry_run_tells_and_does_nothing() -> None:
    found = plan(hosts(), dry=True)
    assert found["todo"] == {}
    assert "  2. the servers sign with key 43: s (1)" in found["lines"]


def test_batches_and_a_canary_are_those_of_the_playbook_site() -> None:
    todo = plan(hosts(), batches=[1, 1], canary="l")["todo"]
    assert (todo["new_key"]["hosts"], todo["new_key"]["serial"]) == (["l", "s", "c"], [1, 1, 1])


@pytest.mark.parametrize("dry", [False, True])
def test_an_order_that_makes_no_sense_is_refused_by_a_dry_run_too(dry: bool) -> None:
    assert "ntp_multicast_canary: its pattern names none" in refused(hosts(), canary="nobody*", dry=dry)
    assert "ntp_multicast_batches: the list is empty" in refused(hosts(), batches=[], dry=dry)


def refused(variables: Variables, **options: Any) -> str:
    found = plan(variables, **options)
    assert found["problems"]
    assert found["todo"] == {}
    return "\n".join(found["problems"])


def test_without_the_variable_there_is_no_rotation() -> None:
    variables = hosts()
    for entry in variables.values():
        entry.pop("ntp_multicast_rotation", None)
    assert "ntp_multicast_rotation has to say which key is rotated" in refused(variables)


@pytest.mark.parametrize(
    ("rotation", "sentence"),
    [
        ({"old": OLD}, "ntp_multicast_rotation.new is missing"),
        ({"old": {"secret": "x"}, "new": 43}, "ntp_multicast_rotation.old.id is missing"),
        ({"old": {**OLD, "id": 43}, "new": 43}, "the new key is the old one"),
        ({"old": {**OLD, "secret": SECRETS[43]}, "new": 43}, "have the same secret"),
        ({"old": {**OLD, "id": 24}, "new": 43}, "neither the old key 24 nor the new key 43"),
        ({"old": {"id": 42, "algorithm": "aes-128-cmac"}, "new": 43}, "ntp_multicast_rotation.old.secret is missing"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused(rotation: dict[str, Any], sentence: str) -> None:
    variables = hosts()
    for name in FOUND["vrp"] + FOUND["linux"]:
        variables[name]["ntp_multicast_rotation"] = rotation
    said = refused(variables)
    assert sentence in said
    assert not any(secret in said for secret in SECRETS.values())


def test_two_rotations_are_refused() -> None:
    variables = hosts()
    variables["c"]["ntp_multicast_rotation"] = {"old": OLD, "new": 44}
    assert "ntp_multicast_rotation differs between hosts, s and c" in refused(variables)
    variables = hosts()
    variables["c"].update(device(42, 44))
    assert "it trusts key 44, which is neither described nor the old key" in refused(variables)


def test_a_client_that_is_not_synchronised_is_refused_or_left_without_proof() -> None:
    variables = hosts()
    silent = {"source": "10.0.0.1", "selected": True, "reach": 0b11111000, "poll": 64}
    variables["l"].update(status())
    variables["l"]["ntp_multicast_status"]["ntp"]["associations"] = [silent]
    assert "10.0.0.1 was not heard for 3 polls" in refused(variables)
    variables["l"].update(status(synchronised=False))
    assert "l: it is a client and not synchronised" in refused(variables)
    found = plan(variables, unsynchronised=True)
    assert found["exempt"] == ["l"]
    assert "  Without proof, since they are not synchronised: l (1)" in found["lines"]


def test_a_key_that_an_upstream_uses_is_not_rotated() -> None:
    variables = hosts()
    read = variables["s"]["__ntp_multicast_rotation_read"]
    read["gathered"]["server"] = {"upstream": [{"address": "10.0.0.9", "key_id": 42}]}
    assert "the old key 42 is also used by upstream 10.0.0.9, which is not rotated" in refused(variables)
    read["gathered"]["server"] = {}
    read["outside_model"] = ["ntp unicast-peer 10.0.0.8 authentication-keyid 42"]
    assert "unicast-peer 10.0.0.8" in refused(variables)


def test_a_host_that_was_not_seen_stops_the_run() -> None:
    variables = hosts()
    variables["c"]["__ntp_multicast_rotation_read"] = {"unreachable": True, "msg": "no route"}
    found = plan(variables)
    assert found["problems"] == ["c: unreachable: no route"]
    assert json.loads(found["ends"]["c"])["unreachable"] is True


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ({"ntp_multicast_state": "deleted"}, "c: ntp_multicast_state is deleted"),
        ({"ntp_multicast_launch_state": "deleted"}, "c: ntp_multicast_state is deleted"),
        ({"ntp_multicast_commit": {"trial": 60, "confirm": "none"}}, "c: ntp_multicast_commit.confirm is none"),
    ],
)
def test_settings_that_leave_nothing_are_refused(variable: dict[str, Any], sentence: str) -> None:
    variables = hosts()
    variables["c"].update(variable)
    assert sentence in refused(variables)


def test_hosts_outside_of_the_run_that_hold_the_key_are_named() -> None:
    variables = hosts()
    variables["far"] = variables["c"]
    assert "far (1): key 43 is described for them, and this run leaves them out" in refused(variables)


def test_a_finished_rotation_has_nothing_to_do() -> None:
    variables = hosts()
    variables["s"].update(device(43, signs=43))
    variables["c"].update(device(43))
    variables["l"].update({**engine(43), **status(synchronised=False)})
    found = plan(variables)
    assert (found["finished"], found["todo"], found["problems"]) == (True, {}, [])
    assert "Take ntp_multicast_rotation out of the variables" in found["lines"][0]


def test_a_second_look_stops_where_a_step_is_not_done() -> None:
    variables = hosts()
    begun = plan(variables)
    variables["s"].update(device(42, 43, signs=42))
    variables["c"].update(device(42, 43))
    found = plan(variables, before=begun, done=["new_key"], coming="servers")
    assert found["stop"] is True
    assert found["todo"] == {}
    assert found["lines"][0] == "Stopped before step 2. the servers sign with key 43."
    assert "  l: this does not hold there: key 43 is brought to every host and trusted" in found["lines"]
    assert list(found["ends"]) == ["l"]
    variables["l"].update(engine(42, 43))
    assert plan(variables, before=begun, done=["new_key"], coming="servers")["todo"] == begun["todo"]
    variables["l"] = {**variables["l"], "__ntp_multicast_rotation_engine": {"unreachable": True, "msg": "gone"}}
    assert plan(variables, before=begun, done=["new_key"], coming="servers")["stop"] is True


def test_a_failed_change_stops_the_run() -> None:
    variables = hosts()
    begun = plan(variables)
    assert rotation_report(variables, begun, ["s", "c"], "new_key")["stop"] is False
    variables["c"]["ntp_multicast_result"] = {"failed": True, "msg": "refused\nby the device"}
    found = rotation_report(variables, begun, ["s", "c"], "new_key")
    assert found["stop"] is True
    assert found["lines"][:2] == [
        "Stopped in step 1. key 43 is brought to every host and trusted.",
        "  c: refused by the device",
    ]
    assert json.loads(found["ends"]["c"])["failed"] is True


# -- what is changed ---------------------------------------------------------------------------------------------------


def test_on_a_device_only_what_is_rotated_is_changed() -> None:
    variables = hosts()
    assert rotation_change(variables, "s", "new_key") == {"authentication": {"keys": [NEW]}}
    assert rotation_change(variables, "s", "servers") == {
        "interfaces": [{"name": "100ge 1/0/1", "servers": [{"address": GROUP, "key_id": 43}]}]
    }
    assert rotation_change(variables, "s", "old_key") == {"authentication": {"keys": [{"id": 42}]}}


def test_on_linux_the_old_key_stays_until_the_end() -> None:
    variables = hosts()
    wanted = rotation_change(variables, "l", "new_key")["authentication"]
    assert wanted["keys"] == [NEW, {**OLD, "trusted": True}]
    assert rotation_change(variables, "l", "old_key")["authentication"]["keys"] == [NEW]


def test_a_linux_server_signs_as_before_until_its_step() -> None:
    variables = hosts()
    sends = [{"name": "eth0", "servers": [{"address": GROUP, "key_id": 43, "ttl": 8}]}]
    variables["l"]["ntp_multicast_interfaces"] = sends
    document = {"authentication": {"enabled": True}, "servers": [{"interface": "eth0", "group": GROUP, "key_id": 42}]}
    content = base64.b64encode(json.dumps(document).encode()).decode()
    variables["l"]["__ntp_multicast_rotation_engine"] = {"content": content}
    before = rotation_change(variables, "l", "new_key")["interfaces"]
    assert before == [{"name": "eth0", "servers": [{"address": GROUP, "key_id": 42, "ttl": 8}]}]
    assert rotation_change(variables, "l", "servers")["interfaces"] == sends


def test_a_host_without_the_variable_takes_it_from_the_others() -> None:
    variables = hosts()
    del variables["s"]["ntp_multicast_rotation"]
    assert rotation_change(variables, "s", "old_key") == {"authentication": {"keys": [{"id": 42}]}}


# -- the proof ---------------------------------------------------------------------------------------------------------


def seen(at: float, taken: int, failures: int = 0) -> dict[str, Any]:
    """What a device has shown."""
    association = {"source": "10.0.0.1", "reach": 255, "poll": 8, "last_received": 2, "mode": "broadcast client"}
    local = {"source": "127.127.1.0", "reach": 255, "poll": 64, "mode": "local"}
    return {
        "ntp": {"synchronised": True, "associations": [local, association]},
        "packets": {"received": taken, "processed": taken, "authentication_failures": failures},
        "losses": [],
        "looked_at": at,
        "looked_until": at + 0.5,
    }


def round_of(variables: Variables, run: dict[str, Any], before: Any, now: float, **results: Any) -> dict[str, Any]:
    for name, result in results.items():
        variables[name]["ntp_multicast_status"] = result
    return rotation_proof(variables, run, ["c"], before=before, now=now, timeout=20)


def test_two_looks_prove_a_client() -> None:
    variables = hosts()
    first = round_of(variables, plan(variables), None, 0.0, c=seen(0, 10))
    assert first["state"]["pause"] == 18
    last = round_of(variables, first["run"], first["state"], 18.0, c=seen(18, 13))
    assert last["state"]["pause"] == 0
    assert last["run"]["lines"] == [
        "c: by counters: fresh packets of 10.0.0.1 in 18 s, 3 packets taken, no authentication failed, no source lost."
    ]
    assert not last["run"]["stop"]


def test_only_the_groups_that_are_rotated_are_watched() -> None:
    """A server of the same address sends to another group, too, and that one is silent."""
    variables = hosts()
    looks = [seen(0, 10), seen(18, 13)]
    for look in looks:
        other = {"source": "10.0.0.1", "group": "239.1.1.1", "reach": 1, "poll": 8, "last_received": 99}
        look["ntp"]["associations"].append({**other, "mode": "broadcast client"})
    first = round_of(variables, plan(variables), None, 0.0, c=looks[0])
    last = round_of(variables, first["run"], first["state"], 18.0, c=looks[1])
    assert last["run"]["proven"].keys() == {"c"}


def test_a_failure_begins_the_time_anew_until_it_is_over() -> None:
    variables = hosts()
    state = round_of(variables, plan(variables), None, 0.0, c=seen(0, 10))["state"]
    failed = round_of(variables, plan(variables), state, 18.0, c=seen(18, 13, failures=1))
    assert failed["state"]["pause"] == 8
    short = round_of(variables, plan(variables), failed["state"], 26.0, c=seen(26, 14, failures=1))
    assert short["state"]["waiting"]["c"].startswith("it was watched for 8 s")
    proven = round_of(variables, plan(variables), short["state"], 35.0, c=seen(35, 16, failures=1))
    assert proven["run"]["proven"].keys() == {"c"}


def test_a_client_without_proof_stops_the_run_in_time() -> None:
    variables = hosts()
    run = plan(variables)
    state = round_of(variables, run, None, 0.0, c=seen(0, 10))["state"]
    late = round_of(variables, run, state, 37.0, c={"unreachable": True, "msg": "gone"})
    assert late["state"]["pause"] == 0
    assert late["run"]["stop"] is True
    assert late["run"]["lines"][1] == "  c: not proven on key 43: gone"


def test_a_client_that_was_not_synchronised_is_told_and_not_waited_for() -> None:
    variables = hosts()
    run = {**plan(variables), "exempt": ["c"]}
    result = round_of(variables, run, None, 0.0, c={"failed": True, "msg": "silent"})
    assert result["state"]["pause"] == 0
    assert result["run"]["lines"] == ["c: NOT proven (silent); it was not synchronised before."]
