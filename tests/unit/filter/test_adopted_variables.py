# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What adopting writes: which file says what, never a secret, and never more than was found."""

from __future__ import annotations

import base64
import json
import pathlib
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.filter.adopted_variables import adopted_variables
from ansible_collections.timecast.ntp_multicast.plugins.filter.hosts_by_platform import hosts_by_platform
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import NETWORK_OS
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.variables_text import comment_line, text_of

KEYS = {"enabled": True, "keys": [{"id": 42, "algorithm": "hmac-sha256", "trusted": True}]}
CLIENT = [{"name": "Vlanif10", "clients": [{"afi": "ipv4", "address": "224.0.1.1"}]}]
SERVER = [{"name": "Vlanif20", "servers": [{"afi": "ipv4", "address": "224.0.1.1", "key_id": 42}]}]


def host(directory: pathlib.Path, gathered: dict[str, Any] | None = None, **result: Any) -> dict[str, Any]:
    found = {"gathered": gathered, **result} if gathered is not None else result
    return {"ansible_network_os": NETWORK_OS, "inventory_dir": str(directory), "found": wrap_var(found)}


def adopted(
    _directory: pathlib.Path, hosts: dict[str, dict[str, Any]], groups: dict[str, list[str]] | None = None, **how: Any
) -> dict[str, Any]:
    return adopted_variables(hosts, hosts, {"all": list(hosts), "ungrouped": [], **(groups or {})}, "found", **how)


def texts(found: dict[str, Any], directory: pathlib.Path) -> dict[str, str]:
    return {
        str(pathlib.Path(file["path"]).parent.relative_to(directory)): base64.b64decode(file["base64"]).decode()
        for file in found["files"]
    }


def written(found: dict[str, Any], directory: pathlib.Path) -> dict[str, Any]:
    return {name: yaml.safe_load(text) or {} for name, text in texts(found, directory).items()}


def test_what_all_hosts_of_a_group_share_is_in_its_file_and_once(tmp_path: pathlib.Path) -> None:
    hosts = {
        "ce1": host(tmp_path, {"authentication": KEYS, "interfaces": CLIENT}),
        "ce2": host(tmp_path, {"authentication": KEYS, "interfaces": SERVER}),
        "ce3": host(tmp_path, {"authentication": KEYS, "interfaces": SERVER}),
        "ne1": host(tmp_path, {"interfaces": CLIENT}),
    }
    groups = {"spines": ["ce1", "ce2", "ce3"], "servers": ["ce2", "ce3"], "edge": ["ne1"]}
    found = adopted(tmp_path, hosts, groups)
    files = written(found, tmp_path)
    assert found["problems"] == []
    assert set(files["group_vars/spines"]) == {"ntp_multicast_authentication", "ntp_multicast_update_secrets"}
    assert files["group_vars/servers"] == {"ntp_multicast_interfaces": SERVER}
    assert files["host_vars/ce1"] == files["host_vars/ne1"] == {"ntp_multicast_interfaces": CLIENT}
    assert files["host_vars/ce2"] == {}
    # A group says more than `all`, which also means every host that comes later.
    two = {name: hosts[name] for name in ("ce2", "ce3")}
    assert "group_vars/servers" in texts(adopted(tmp_path, two, {"servers": [*two]}), tmp_path)
    assert set(files) == {"group_vars/spines", "group_vars/servers", *(f"host_vars/{name}" for name in hosts)}


@pytest.mark.parametrize("reason", ["unread", "described", "alone", "different"])
def test_a_group_gets_nothing_that_one_of_its_hosts_does_not_have(tmp_path: pathlib.Path, reason: str) -> None:
    same = {"interfaces": CLIENT}
    hosts = {"ce1": host(tmp_path, same), "ce2": host(tmp_path, same)}
    group = ["ce1", "ce2"]
    if reason == "unread":
        hosts["ce2"] = host(tmp_path, failed=True, msg="Login failed")
    elif reason == "described":
        hosts["ce2"]["ntp_multicast_interfaces"] = []
    elif reason == "alone":
        group, hosts = ["ce1"], {"ce1": hosts["ce1"]}
    else:
        hosts["ce2"] = host(tmp_path, {"interfaces": SERVER})
    found = adopted(tmp_path, hosts, {"spines": group})
    assert not [name for name in texts(found, tmp_path) if name.startswith("group_vars")]
    assert written(found, tmp_path)["host_vars/ce1"] == {"ntp_multicast_interfaces": CLIENT}
    assert found["failed"] == ({"ce2": "Login failed"} if reason == "unread" else {})


def test_a_second_time_the_same_is_written(tmp_path: pathlib.Path) -> None:
    hosts = {name: host(tmp_path, {"authentication": KEYS, "interfaces": CLIENT}) for name in ("ce1", "ce2")}
    first = adopted(tmp_path, hosts)
    for name, text in texts(first, tmp_path).items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "ntp_multicast.yml").write_text(text)
    for of_host in hosts.values():
        of_host |= {"ntp_multicast_interfaces": CLIENT, "ntp_multicast_authentication": KEYS}
    assert adopted(tmp_path, hosts) == first


def test_a_key_names_a_vault_variable_and_is_not_looked_at_until_it_is_filled(tmp_path: pathlib.Path) -> None:
    found = adopted(tmp_path, {"ce1": host(tmp_path, {"authentication": KEYS})})
    text = texts(found, tmp_path)["host_vars/ce1"]
    assert "secret: \"{{ vault_ntp_multicast_key_42 | default('') }}\"" in text
    assert "'never' if '' in ntp_multicast_authentication['keys']" in text
    assert "  vault_ntp_multicast_key_42: ce1 (hmac-sha256)" in found["lines"]


def test_a_host_without_ntp_is_described_as_that(tmp_path: pathlib.Path) -> None:
    bare = host(tmp_path, {})
    assert written(adopted(tmp_path, {"ce1": bare}), tmp_path) == {"host_vars/ce1": {"ntp_multicast_interfaces": []}}
    bare["ntp_multicast_server"] = {"enabled": True}
    assert written(adopted(tmp_path, {"ce1": bare}), tmp_path) == {"host_vars/ce1": {"ntp_multicast_server": {}}}


def test_each_line_outside_of_the_model_is_a_comment(tmp_path: pathlib.Path) -> None:
    lines = ["ntp unicast-server 192.0.2.1", "ntp access {{ lookup('pipe', 'id') }}\nntp_multicast_state: deleted"]
    automatic = ["ntp ipv6 server disable", "ntp server source-interface all disable"]
    found = adopted(tmp_path, {"ce1": host(tmp_path, {"interfaces": CLIENT}, outside_model=lines, automatic=automatic)})
    text = texts(found, tmp_path)["host_vars/ce1"]
    assert yaml.safe_load(text) == {"ntp_multicast_interfaces": CLIENT}
    assert all(f"#   {line}\n" in text for line in (lines[0], *automatic))
    assert "{{" not in str(found["lines"])
    stated = {"server": {"enabled": False}}
    text = texts(adopted(tmp_path, {"ce1": host(tmp_path, stated, automatic=automatic)}), tmp_path)["host_vars/ce1"]
    assert automatic[0] not in text


def test_a_text_of_a_device_never_becomes_a_template(tmp_path: pathlib.Path) -> None:
    evil = "{{lookup('pipe','id')}}"
    found = adopted(tmp_path, {"ce1": host(tmp_path, {"interfaces": [{"name": evil, "clients": []}]})})
    assert f'name: !unsafe "{evil}"' in texts(found, tmp_path)["host_vars/ce1"]


def test_nothing_that_is_there_is_lost(tmp_path: pathlib.Path) -> None:
    hosts = {"ce1": host(tmp_path, {"interfaces": CLIENT})}
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "ce1.yml").write_text("ansible_host: 192.0.2.1\n")
    [problem] = adopted(tmp_path, hosts, overwrite=True)["problems"]
    assert "host_vars/ce1.yml is a file, which Ansible would no longer read" in problem
    (tmp_path / "host_vars" / "ce1.yml").unlink()
    (tmp_path / "host_vars" / "ce1").mkdir()
    (tmp_path / "host_vars" / "ce1" / "ntp_multicast.yml").write_text("ntp_multicast_interfaces: []\n")
    [problem] = adopted(tmp_path, hosts)["problems"]
    assert "says something else" in problem
    assert "ntp_multicast_adopt_overwrite" in problem
    assert adopted(tmp_path, hosts, overwrite="true")["problems"] == []


def test_a_place_is_needed_and_may_be_named(tmp_path: pathlib.Path) -> None:
    hosts = {"ce1": {**host(tmp_path, {}), "inventory_dir": None}}
    [problem] = adopted(tmp_path, hosts)["problems"]
    assert "ntp_multicast_adopt_directory" in problem
    assert set(texts(adopted(tmp_path, hosts, directory=str(tmp_path / "x")), tmp_path)) == {"x/host_vars/ce1"}
    [problem] = adopted(tmp_path, {"../ce1": host(tmp_path, {})})["problems"]
    assert "can't be the name of a folder" in problem


def test_a_host_of_another_platform_is_said(tmp_path: pathlib.Path) -> None:
    hosts = {"r1": {"ansible_network_os": "cisco.ios.ios", "inventory_dir": str(tmp_path)}, "ce1": host(tmp_path, {})}
    assert "cisco.ios.ios" in adopted(tmp_path, hosts)["failed"]["r1"]
    assert hosts_by_platform({**hosts, "h1": {}}, ["r1", "ce1", "h1"]) == {
        "vrp": ["ce1"], "linux": ["h1"], "unknown": ["r1"]
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [[], "hosts", None])
def test_what_is_no_hostvars_is_refused(wrong: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="needs hostvars"):
        adopted_variables(wrong, [], {}, "found")
    with pytest.raises(AnsibleFilterError, match="needs hostvars"):
        hosts_by_platform(wrong, [])


@given(st.text())
def test_a_comment_is_one_line_whatever_the_text(text: str) -> None:
    comment = comment_line(text)
    assert comment.startswith("#")
    assert yaml.safe_load(f"{comment}\na: 1\n") == {"a": 1}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    class Loader(yaml.SafeLoader):
        """Reads what Ansible would read."""

    Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
    assert yaml.load(text_of({"a": value}), Loader) == {"a": value}


def encoded(text: str, **more: Any) -> dict[str, Any]:
    return {"content": base64.b64encode(text.encode()).decode(), **more}


def linux(directory: pathlib.Path, **results: Any) -> dict[str, Any]:
    registered = {"engine": {"failed": False, "msg": "file not found: engine.json"}, **results}
    return {"inventory_dir": str(directory), **{f"found_{name}": value for name, value in registered.items()}}


ENGINE = {
    "version": 1,
    "authentication": {"enabled": True, "keys_file": "/etc/ntp-multicast-engine/keys", "trusted_keys": [42]},
    "server": {"enabled": True, "listen": "all", "stratum": 3},
    "servers": [{"interface": "eth0", "group": "224.0.1.1", "key_id": 42, "port": 123, "poll": 4, "interleaved": True}],
    "clients": [{"interface": "eth1", "group": "239.1.2.3", "port": 123, "volley_port": 123}],
    "discipline": {"mode": "monitor"},
}


def test_a_linux_host_with_the_engine(tmp_path: pathlib.Path) -> None:
    host_ = linux(
        tmp_path, engine=encoded(json.dumps(ENGINE)), engine_keys={"stdout_lines": ["42 hmac-sha256", "wrong"]}
    )
    found = adopted(tmp_path, {"h1": host_})
    text = texts(found, tmp_path)["host_vars/h1"]
    assert "secret: \"{{ vault_ntp_multicast_key_42 | default('') }}\"" in text
    variables = yaml.safe_load(text)
    assert variables["ntp_multicast_server"] == {"enabled": True, "reference_stratum": 3}
    assert variables["ntp_multicast_interfaces"] == [
        {"name": "eth0", "servers": [{"address": "224.0.1.1", "key_id": 42, "port": 123}]},
        {"name": "eth1", "clients": [{"address": "239.1.2.3"}]},
    ]
    assert variables["ntp_multicast_engine_groups"] == [{"interface": "eth0", "address": "224.0.1.1", "poll": 4}]
    assert "ntp_multicast_update_secrets" in variables


def test_the_unicast_servers_that_chronyd_was_told(tmp_path: pathlib.Path) -> None:
    told = "# Managed by Ansible.\nserver 192.0.2.1 iburst prefer key 42 minpoll 4\nserver fd00::7 iburst\n"
    host_ = linux(
        tmp_path,
        engine=encoded(json.dumps({**ENGINE, "server": {"enabled": True, "upstream": "chrony"}})),
        engine_keys={"stdout_lines": ["42 aes-128-cmac"]},
        told_chrony={"results": [encoded(told, item="/etc/chrony/conf.d/ntp-multicast-engine.conf"), {"item": "x"}]},
    )
    variables = written(adopted(tmp_path, {"h1": host_}), tmp_path)["host_vars/h1"]
    assert variables["ntp_multicast_server"] == {
        "enabled": True,
        "upstream": [{"address": "192.0.2.1", "key_id": 42, "preferred": True, "minpoll": 4}, {"address": "fd00::7"}],
    }
    assert variables["ntp_multicast_engine_upstream"] == "chrony"


def test_what_ntpd_does_is_a_proposal_that_changes_nothing(tmp_path: pathlib.Path) -> None:
    conf = "broadcast 239.77.0.4 key 4\nbroadcast 239.77.0.5 key 5\nserver 192.0.2.1\ncrypto pw Stone-Harbour\n"
    host_ = linux(
        tmp_path,
        others={"results": [encoded(conf, item="/etc/ntp.conf"), {"item": "/etc/chrony.conf", "msg": "not found"}]},
        other_keys={"stdout_lines": ["4 AES128CMAC", "5 SHA1"]},
        route={"stdout_lines": ["ens3"]},
    )
    found = adopted(tmp_path, {"h1": host_})
    text = texts(found, tmp_path)["host_vars/h1"]
    assert yaml.safe_load(text) is None
    proposal = yaml.safe_load(
        "\n".join(line.removeprefix("# ") for line in text.partition("taken away")[2].splitlines()[1:])
    )
    assert proposal["ntp_multicast_interfaces"] == [
        {"name": "ens3", "servers": [{"address": "239.77.0.4", "key_id": 4}, {"address": "239.77.0.5"}]}
    ]
    assert [key["id"] for key in proposal["ntp_multicast_authentication"]["keys"]] == [4]
    assert "Stone-Harbour" not in text + str(found["lines"])
    assert "  /etc/ntp.conf: server 192.0.2.1" in found["lines"]
    assert any("key 5: the engine has no algorithm" in line for line in found["lines"])


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ({"engine": {"unreachable": True, "msg": "no route"}}, "no route"),
        ({"engine": encoded("{")}, "no JSON"),
        ({"engine": encoded("[]")}, "no JSON object"),
        ({"engine": encoded('{"servers": [1]}')}, "not one of ours"),
    ],
)
def test_a_linux_host_that_was_not_read(tmp_path: pathlib.Path, results: dict[str, Any], reason: str) -> None:
    found = adopted(tmp_path, {"h1": linux(tmp_path, **results)})
    assert reason in found["failed"]["h1"]
    assert found["files"] == []


def test_a_linux_host_without_anything_is_not_described(tmp_path: pathlib.Path) -> None:
    assert written(adopted(tmp_path, {"h1": linux(tmp_path)}), tmp_path) == {"host_vars/h1": {}}
