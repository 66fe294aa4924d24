# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys, with OpenSSH as the judge: what it accepts is accepted, what it refuses is refused."""

from __future__ import annotations

import base64
import pathlib
import stat
import subprocess
import threading
from typing import Any

import asyncssh
import needs
import paramiko
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.plugin_utils.connection.servers import PASSWORD, USER, Behaviour, Server, serving

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection import known_hosts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.errors import SshError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.known_hosts import (
    Entry,
    KnownHost,
    Verdict,
    entries_of,
    name_of,
    read_known_host,
    remember,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.login import Client
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.settings import Settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.transport import key_order

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFL6kF4kGvK7Q0tQ0Hq1mK0W1eQyZ8jv4mJx0s7l8S3d"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3F2nM0P5y8rGv7c5tq1xQm9oWb6uYz2LkVh4sXe1Ra"
HOSTS = ["ce1", "ce10", "192.0.2.1", "[192.0.2.1]:2222", "[ce1]:22"]
HASHED = {host: paramiko.HostKeys.hash_host(host) for host in HOSTS}
ED25519 = asyncssh.generate_private_key("ssh-ed25519")
STRANGER = asyncssh.generate_private_key("ssh-ed25519")
RSA = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
ECDSA = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
NISTP521 = asyncssh.generate_private_key("ecdsa-sha2-nistp521")


def public(key: Any) -> str:
    return str(key.export_public_key().decode().strip())


def hashed(name: str) -> str:
    return str(paramiko.HostKeys.hash_host(name))


# A known_hosts file, the keys of the device, whether it may be connected to. {me} is the name of the device.
FILES: dict[str, tuple[list[str], list[Any], bool]] = {
    "its key": (["{me} " + public(ED25519)], [ED25519], True),
    "another key": (["{me} " + public(STRANGER)], [ED25519], False),
    "nothing": ([""], [ED25519], False),
    "another host": (["[127.0.0.1]:1 " + public(ED25519)], [ED25519], False),
    "second of two": (["{me} " + public(STRANGER), "{me} " + public(ED25519)], [ED25519], True),
    "revoked": (["{me} " + public(ED25519), "@revoked {me} " + public(ED25519)], [ED25519], False),
    "revoked first": (["@revoked * " + public(ED25519), "{me} " + public(ED25519)], [ED25519], False),
    "revoked everywhere": (["{me} " + public(ED25519), "@revoked * " + public(ED25519)], [ED25519], False),
    "another is revoked": (["{me} " + public(ED25519), "@revoked * " + public(STRANGER)], [ED25519], True),
    "pattern": (["[127.0.0.*]:* " + public(ED25519)], [ED25519], True),
    "question mark": (["[127.?.0.1]:* " + public(ED25519)], [ED25519], True),
    "negated": (["[127.0.0.*]:*,!{me} " + public(ED25519)], [ED25519], False),
    "negated other": (["!other,{me} " + public(ED25519)], [ED25519], True),
    "hashed": (["{hashed} " + public(ED25519)], [ED25519], True),
    "bare name": (["127.0.0.1 " + public(ED25519)], [ED25519], True),
    "bare name, another key": (["127.0.0.1 " + public(STRANGER)], [ED25519], False),
    "authority": (["@cert-authority {me} " + public(ED25519)], [ED25519], False),
    "comment": (["# {me} " + public(ED25519)], [ED25519], False),
    "words behind": (["{me} " + public(ED25519) + " ops@desk 2026"], [ED25519], True),
    "another type is offered too": (["{me} " + public(RSA)], [ED25519, ECDSA, RSA], True),
    "the last type is known": (["{me} " + public(ECDSA)], [RSA, ED25519, ECDSA], True),
    "nistp521 is known": (["{me} " + public(NISTP521)], [RSA, NISTP521, ED25519], True),
    "known type, another key": (["{me} " + public(STRANGER)], [RSA, ED25519], False),
    "only another type": (["{me} " + public(RSA)], [ED25519], False),
}


def written(lines: list[str], server: Server, path: pathlib.Path) -> pathlib.Path:
    me = f"[127.0.0.1]:{server.port}"
    text = "\n".join(lines).replace("{me}", me).replace("{hashed}", hashed(me))
    path.write_text(text + "\n")
    return path


def log_in(server: Server, known_hosts: pathlib.Path, **options: Any) -> Client:
    client = Client(
        Settings(
            host="127.0.0.1",
            port=server.port,
            user=USER,
            password=PASSWORD,
            known_hosts_file=str(known_hosts),
            ssh_arguments="-F none",
            **options,
        )
    )
    client.open()
    client.close()
    return client


def accepted_here(server: Server, known_hosts: pathlib.Path) -> bool:
    try:
        log_in(server, known_hosts)
    except SshError as error:
        assert "host key" in str(error)
        return False
    return True


def accepted_by_openssh(server: Server, known_hosts: pathlib.Path) -> bool:
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known_hosts),
        "GlobalKnownHostsFile": "none",
        "PreferredAuthentications": "none",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    command = ["ssh", "-F", "none", *words, "-p", str(server.port), f"{USER}@127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
    refused = "Host key verification failed" in done.stderr
    assert refused or "Permission denied" in done.stderr, done.stderr
    return not refused


@pytest.mark.parametrize("case", FILES)
def test_host_keys_as_openssh_has_them(case: str, tmp_path: pathlib.Path) -> None:
    lines, keys, accepted = FILES[case]
    with serving(Behaviour(host_keys=keys)) as server:
        known_hosts = written(lines, server, tmp_path / "known_hosts")
        assert accepted_here(server, known_hosts) == accepted
        assert bool(server.told) == accepted  # no password for a device that is not known
        needs.require(needs.no_command("ssh"))  # the judge
        assert accepted_by_openssh(server, known_hosts) == accepted


def test_a_revoked_key_is_refused_without_checking_too(tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(host_keys=[ED25519])) as server:
        known_hosts = written(["@revoked * " + public(ED25519)], server, tmp_path / "known_hosts")
        for options in ({"host_key_checking": False}, {"host_key_auto_add": True}):
            with pytest.raises(SshError, match="is revoked"):
                log_in(server, known_hosts, **options)
        assert server.told == []


def test_a_changed_key_is_refused_without_checking_and_not_added(tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(host_keys=[ED25519])) as server:
        known_hosts = written(["{me} " + public(STRANGER)], server, tmp_path / "known_hosts")
        before = known_hosts.read_text()
        for options in ({"host_key_checking": False}, {"host_key_auto_add": True}):
            with pytest.raises(SshError, match="differs from the known one"):
                log_in(server, known_hosts, **options)
        assert (server.told, known_hosts.read_text()) == ([], before)


# -- keys that are added -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["", "ce1 " + KEY, "ce1 " + KEY + "\n", "# no line end"], ids=repr)
def test_a_key_is_added_on_a_line_of_its_own(before: str, tmp_path: pathlib.Path) -> None:
    known_hosts = tmp_path / "new" / "known_hosts"
    if before:
        known_hosts.parent.mkdir()
        known_hosts.write_text(before)
    with serving(Behaviour(host_keys=[ED25519])) as server:
        log_in(server, known_hosts, host_key_auto_add=True)
        log_in(server, known_hosts)
        added = f"[127.0.0.1]:{server.port} {public(ED25519)}\n"
    assert known_hosts.read_text() == before + ("\n" if before and not before.endswith("\n") else "") + added
    if not before:
        assert stat.S_IMODE(known_hosts.stat().st_mode) == 0o600
        assert stat.S_IMODE(known_hosts.parent.stat().st_mode) == 0o700


def test_many_workers_add_a_key_once(tmp_path: pathlib.Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text("ce10 " + KEY)
    kind, text = KEY.split()
    adders = [
        threading.Thread(target=remember, args=(str(known_hosts), name, kind, base64.b64decode(text)))
        for name in ["ce1", "ce2"] * 8
    ]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()
    lines = known_hosts.read_text().splitlines()
    assert sorted(lines) == sorted(["ce10 " + KEY, "ce1 " + KEY, "ce2 " + KEY])


def test_a_key_that_cannot_be_remembered_is_said(tmp_path: pathlib.Path) -> None:
    with serving(Behaviour(host_keys=[ED25519])) as server:
        client = log_in(server, tmp_path, host_key_auto_add=True)
    assert len(client.warnings) == 1 and "can't be remembered" in client.warnings[0]
    assert "Is a directory" in client.warnings[0]


# -- the reading of lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", HOSTS)
def test_the_same_keys_are_found_as_paramiko_finds(host: str, tmp_path: pathlib.Path) -> None:
    lines = ["# ce1", "", "ce1", f"ce1,192.0.2.1 {KEY}"]
    lines += [f"{name} {KEY}" for name in HOSTS[2:]] + [f"{HASHED[name]} {OTHER}" for name in HOSTS[1:3]]
    path = tmp_path / "known_hosts"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = paramiko.HostKeys(str(path)).lookup(host)
    keys = [entry.key for entry in entries_of(lines, host)]
    assert bool(keys) == (found is not None)
    if found is not None:
        assert {key.asbytes() for key in found.values()} <= set(keys)


def test_a_name_inside_another_is_another() -> None:
    lines = [f"ce10 {OTHER}", f"ce1 {KEY}", f"xce1,ce11 {OTHER}"]
    assert [entry.key for entry in entries_of(lines, "ce1")] == [base64.b64decode(KEY.split()[1])]


def test_names_are_compared_without_case() -> None:
    assert len(list(entries_of([f"CE1.Example {KEY}"], "ce1.example"))) == 1
    assert len(list(entries_of([f"ce1.example {KEY}"], "CE1.Example"))) == 1


def test_torn_lines_are_passed_over() -> None:
    torn = [f"|1|torn {KEY}", f"|1||x {KEY}", "|1|", " ", f"ce1 ssh-rsa {KEY.split()[1]}", "ce1 ssh-ed25519 A=A", "@x"]
    assert list(entries_of(torn, "ce1")) == []


@given(st.lists(st.text(max_size=60)), st.sampled_from(HOSTS))
def test_no_file_harms(lines: list[str], host: str) -> None:
    assert list(entries_of(lines, host)) == []
    assert list(entries_of([f"|1|{line}" for line in lines], host)) == []


def test_a_file_that_is_not_there_says_nothing(tmp_path: pathlib.Path) -> None:
    assert read_known_host([str(tmp_path / "none"), str(tmp_path)], "ce1", 22) == KnownHost()


def test_a_bare_name_is_no_proof_of_a_change() -> None:
    known = KnownHost(elsewhere=[Entry("", "ssh-ed25519", b"a")])
    assert [known.verdict(b"a"), known.verdict(b"b")] == [Verdict.KNOWN, Verdict.UNKNOWN]


def test_names_off_port_22() -> None:
    assert [name_of("ce1", 22), name_of("ce1", 2222)] == ["ce1", "[ce1]:2222"]


# -- the order of types ------------------------------------------------------------------------------------------------


def test_known_types_come_first_and_nistp521_last() -> None:
    preferred = ("ssh-ed25519", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
    assert key_order(preferred, []) == (
        "ssh-ed25519",
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-rsa",
        "ecdsa-sha2-nistp521",
    )
    assert key_order(preferred, ["ssh-rsa"])[:3] == ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
    assert key_order(preferred, ["ecdsa-sha2-nistp521"])[0] == "ecdsa-sha2-nistp521"


def test_a_file_is_read_once_for_all_devices_and_anew_when_it_was_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"ce1 {KEY}\nce2 {OTHER}\n", encoding="utf-8")
    opened: list[str] = []

    def counted(path: Any, *arguments: Any, **keywords: Any) -> Any:
        opened.append(str(path))
        return open(path, *arguments, **keywords)

    monkeypatch.setattr(known_hosts, "open", counted, raising=False)
    for host in ("ce1", "ce2", "ce3"):
        assert len(read_known_host([str(file)], host, 22).keys) == (host != "ce3")
    assert opened == [str(file)]
    remember(str(file), "ce3", *KEY.split(" ", 1)[:1], base64.b64decode(KEY.split(" ")[1]))
    assert len(read_known_host([str(file)], "ce3", 22).keys) == 1
    file.unlink()
    assert read_known_host([str(file)], "ce1", 22) == KnownHost()


def test_lines_keep_their_order_and_count_once(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(
        f"@revoked * {OTHER}\nCE1,ce1 {OTHER}\n{HASHED['ce1']} {KEY}\n!ce1,* {KEY}\n  ce?  {KEY} note\nce10 {KEY}\n",
        encoding="utf-8",
    )
    known = read_known_host([str(file)], "ce1", 22)
    first, second = (base64.b64decode(text.split(" ")[1]) for text in (OTHER, KEY))
    assert [entry.key for entry in known.keys] == [first, second, second]
    assert [entry.key for entry in known.revoked] == [first]
