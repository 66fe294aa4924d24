# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ntp unicast-server`` on simulated devices (fact 1.8)."""

from __future__ import annotations

import pytest

from .conftest import COMMANDS, KEY, PORTS, TWO_STAGE


def shown(device, release: str) -> list[str]:  # type: ignore[no-untyped-def]
    word = f"{COMMANDS[release]} unicast-server"
    return [line for line in device.running_configuration().splitlines() if line.startswith(word)]


@pytest.mark.parametrize("release", sorted(PORTS))
def test_lines_are_taken_shown_and_taken_back(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    n, commit = COMMANDS[release], ["commit"] if release in TWO_STAGE else []
    preferred = "preference" if n == "ntp-service" else "preferred"
    console.do(
        "system-view",
        "ip vpn-instance red",
        f"{n} authentication-keyid 42 authentication-mode hmac-sha256 {KEY}",
        f"{n} unicast-server 192.0.2.1 minpoll 4 {preferred} maxpoll 12 authentication-keyid 42 version 4",
        f"{n} unicast-server 192.0.2.1 vpn-instance red",
        f"{n} unicast-server ipv6 2001:db8::1 source-interface {PORTS[release]} iburst",
        *commit,
    )
    assert shown(device, release) == [
        f"{n} unicast-server 192.0.2.1 version 4 authentication-keyid 42 {preferred} maxpoll 12 minpoll 4",
        f"{n} unicast-server 192.0.2.1 vpn-instance red",
        f"{n} unicast-server ipv6 2001:DB8::1 source-interface {PORTS[release]} iburst",
    ]
    console.do(
        f"undo {n} unicast-server 192.0.2.1",
        f"undo {n} unicast-server 192.0.2.1 vpn-instance red",
        f"undo {n} unicast-server ipv6 2001:DB8::1",
        *commit,
    )
    assert shown(device, release) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ntp unicast-server 224.0.1.1", "Wrong parameter"),
        ("ntp unicast-server 127.127.1.0", "Wrong parameter"),
        ("ntp unicast-server 255.255.255.255", "Wrong parameter"),
        ("ntp unicast-server ipv6 ::1", "Wrong parameter"),
        ("ntp unicast-server ipv6 FF05::1", "Wrong parameter"),
        ("ntp unicast-server ipv6 FD00::2 version 3", "Error"),
        ("ntp unicast-server 192.0.2.1 minpoll 7", "Wrong parameter"),
        ("ntp unicast-server 192.0.2.1 maxpoll 9", "Wrong parameter"),
        ("ntp unicast-server 192.0.2.1 port 1024", "Wrong parameter"),
        ("ntp unicast-server 192.0.2.1 preference", "Error"),
        ("ntp unicast-server 192.0.2.1 version 4 version 4", "Error"),
        ("ntp unicast-server 192.0.2.1 authentication-keyid 7", "key does not exist"),
        ("ntp unicast-server 192.0.2.1 vpn-instance blue", "VPN instance does not exist"),
        ("ntp unicast-server 192.0.2.1 vpn-instance _public_", "VPN instance does not exist"),
        ("ntp unicast-server 192.0.2.1 source-interface Vlanif77", "Wrong parameter"),
        ("ntp unicast-server 192.0.2.1 vpn-instance red source-interface 100GE1/0/1", "not bound"),
        ("ntp unicast-server ipv6 FD00::2 source-interface Vlanif9", "IPv6 is not enabled"),
        ("ntp ipv6 unicast-server FD00::2", "Error"),
        ("undo ntp unicast-server 192.0.2.1 version 4", "Error"),
    ],
)
def test_wrong_lines_are_refused(open_device, line: str, words: str) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "ip vpn-instance red", "interface Vlanif9", "ip address 10.9.9.9 24", "quit", "commit")
    assert words in console.type(line)
    assert console.prompt == "[~CE1]", "nothing is pending"


def test_a_key_that_the_version_does_not_allow(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", f"ntp authentication-keyid 65536 authentication-mode hmac-sha256 {KEY}")
    assert "Error" in console.type("ntp unicast-server 192.0.2.1 version 4 authentication-keyid 65536")
    console.do("ntp unicast-server 192.0.2.1 version 3 authentication-keyid 65536")


def test_a_key_in_use_is_not_removed(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do(
        "system-view",
        f"ntp authentication-keyid 42 authentication-mode hmac-sha256 {KEY}",
        "ntp unicast-server 192.0.2.1 authentication-keyid 42",
        "commit",
        "undo ntp authentication-keyid 42",
    )
    assert "Error" in console.type("commit")


@pytest.mark.parametrize("reenter", ["merge", "replace"])
def test_a_line_with_fewer_options(open_device, reenter: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(behaviour={"reenter": reenter})
    console.do("system-view", "ntp unicast-server 192.0.2.1 version 4 iburst", "ntp unicast-server 192.0.2.1 minpoll 3")
    console.do("commit")
    kept = {"merge": " version 4 minpoll 3 iburst", "replace": " minpoll 3"}[reenter]
    assert shown(device, "ce-v300r023") == [f"ntp unicast-server 192.0.2.1{kept}"]


@pytest.mark.parametrize(("shows", "printed"), [(False, ""), (True, " version 3 maxpoll 10 minpoll 6")])
def test_defaults(open_device, shows: bool, printed: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(behaviour={"defaults_shown": shows})
    console.do("system-view", "ntp unicast-server 192.0.2.1 version 3 minpoll 6 maxpoll 10", "commit")
    assert shown(device, "ce-v300r023") == [f"ntp unicast-server 192.0.2.1{printed}"]


def test_the_automatic_lines_come_and_go_with_it(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", "ntp unicast-server 192.0.2.1", "commit")
    assert "ntp server disable\nntp ipv6 server disable\n" in device.running_configuration()
    console.do("undo ntp unicast-server 192.0.2.1", "commit")
    assert "ntp" not in device.running_configuration()


def test_it_goes_with_its_interface_and_with_its_vpn_instance(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do(
        *("system-view", "ip vpn-instance red", "interface Vlanif9", "ip address 10.9.9.9 24", "quit"),
        "ntp unicast-server 192.0.2.1 source-interface Vlanif9",
        "ntp unicast-server 192.0.2.2 vpn-instance red",
        "ntp unicast-server ipv6 FD00::2 source-interface 100GE1/0/1",
        "commit",
    )
    assert len(shown(device, "ce-v300r023")) == 3
    console.do("undo interface Vlanif9", "undo ip vpn-instance red", "interface 100GE1/0/1", "undo ipv6 enable")
    console.do("commit")
    assert shown(device, "ce-v300r023") == []


def test_authentication_has_to_be_on_before_it(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", "ntp unicast-server 192.0.2.1", "ntp authentication enable", "commit")
    assert device.unauthenticated() == [("", "unicast-server", "192.0.2.1")]
    console.do("undo ntp unicast-server 192.0.2.1", "ntp unicast-server 192.0.2.1", "commit")
    assert device.unauthenticated() == []
