# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from vrp_simulator.wordings import VARIANTS

from .conftest import COMMANDS, KEY, PORTS, TWO_STAGE

ALL = sorted(PORTS)
AES_128, AES_256 = "Sixteen-octets-1", "Thirty-two-octets-of-key-text-No"


def trusted(release: str) -> str:
    return "reliable" if COMMANDS[release] == "ntp-service" else "trusted"


def block(text: str, release: str) -> list[str]:
    """The NTP lines and the lines of the port, without the ciphertext."""
    found = []
    for line in text.splitlines():
        if re.match(r"\s*(undo )?ntp", line):
            found.append(re.sub(r"cipher .*", "cipher ...", line))
    return found


@pytest.mark.parametrize("release", ALL)
def test_the_seed_procedure_ends_in_the_manuals_lines(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    n = COMMANDS[release]
    console.do(
        "system-view",
        f"{n} authentication enable",
        f"{n} authentication-keyid 42 authentication-mode hmac-sha256 {KEY}",
        f"{n} {trusted(release)} authentication-keyid 42",
        f"{n} refclock-master 2",
        f"interface {PORTS[release]}",
        f"{n} multicast-server ttl 20 authentication-keyid 42 version 4",
        f"{n} multicast-client ipv6 FF0E:0::102",
        "quit",
        *(["commit"] if release in TWO_STAGE else []),
    )
    automatic = {
        "ce-v200r005": [f"{n} server disable"],
        "ar-v300r024": [],
        "vrp5": [],
        "s-v600": [
            f"{n} server disable",
            f"{n} ipv6 server disable",
            f"{n} server source-interface all disable",
            f"{n} ipv6 server source-interface all disable",
        ],
    }.get(release, [f"{n} server disable", f"{n} ipv6 server disable"])
    assert sorted(block(device.running_configuration(), release)[: len(automatic)]) == sorted(automatic)
    assert block(device.running_configuration(), release)[len(automatic) :] == [
        f"{n} authentication-keyid 42 authentication-mode hmac-sha256 cipher ...",
        f"{n} {trusted(release)} authentication-keyid 42",
        f"{n} refclock-master 2",
        f"{n} authentication enable",
        f" {n} multicast-client ipv6 FF0E::102",
        f" {n} multicast-server authentication-keyid 42 ttl 20 version 4",
    ]
    assert device.secret(42) == KEY


@pytest.mark.parametrize("release", TWO_STAGE)
def test_the_automatic_lines_come_and_go(open_device, release: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(release)
    n = COMMANDS[release]
    before = block(device.running_configuration(), release)
    console.do("system-view", f"interface {PORTS[release]}", f"{n} multicast-client", "commit")
    after = block(device.running_configuration(), release)
    assert f"{n} server disable" in after
    assert (f"{n} ipv6 server disable" in after) == (release != "ce-v200r005"), "fact 1.5: the CE6880 shows one"
    console.do(f"undo {n} multicast-client", "commit")
    assert block(device.running_configuration(), release) == before, "with the last line they go"


@pytest.mark.parametrize("first", ["unless-asked", "always"])
def test_the_undo_in_the_candidate_of_the_first_line(open_device, first: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device("ne40e-v800r012", behaviour={"first_line_disables": first})
    console.do("system-view", "undo ntp-service server disable", "ntp-service refclock-master 2", "commit")
    shown = block(device.running_configuration(), "ne40e-v800r012")
    line = "undo ntp-service server disable" if first == "unless-asked" else "ntp-service server disable"
    assert shown[0] == line


def test_an_enabled_server_is_not_printed_on_ce(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do(
        "system-view", "ntp refclock-master", "undo ntp server disable", "undo ntp ipv6 server disable", "commit"
    )
    assert block(device.running_configuration(), "ce-v300r023") == ["ntp refclock-master 8"]
    assert console.type("undo ntp server disable") == "" and console.prompt == "[~CE1]"


def test_the_listening_side_asks_and_warns(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view")
    console.type("ntp server source-interface all enable")
    assert console.prompt == "Warning: NTP IPv4 server listening all interface will be enabled. Continue? [Y/N]:"
    console.type("n")
    assert console.prompt == "[~CE1]"
    console.type("ntp ipv6 server source-interface all enable")
    console.type("y")
    console.do("ntp server source-interface 100ge 1/0/1", "commit")
    assert "ntp ipv6 server source-interface all enable\n" in device.running_configuration()
    assert "ntp server source-interface 100GE1/0/1\n" in device.running_configuration()
    assert console.type("ntp ipv6 server source-interface all disable").startswith(
        "Warning: The NTP IPv6 server listening all interface is disabled."
    )
    assert console.prompt == "[*CE1]"


@pytest.mark.parametrize(("mode", "secret"), [("aes-128-cmac", AES_128), ("aes-256-cmac", AES_256)])
def test_aes_keys_have_their_length(open_device, mode: str, secret: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", f"ntp authentication-keyid 1 authentication-mode {mode} {secret}", "commit")
    assert device.secret(1) == secret
    for wrong in (secret[:-1], secret + "x"):
        assert "Error" in console.type(f"ntp authentication-keyid 2 authentication-mode {mode} {wrong}")


@pytest.mark.parametrize(
    "secret", ["short-A1", "all-lower-case-1", "ALL-UPPER-CASE-1", "NoDigits-AtAll!", "NoSpecial12345"]
)
def test_complexity_on_ce(open_device, secret: str) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    line = f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {secret}"
    console.do("system-view")
    assert "Error" in console.type(line)
    console.type("ntp authentication-password complexity-check disable")
    assert console.prompt.endswith("Continue?  [Y/N]:")
    console.type("y")
    console.do(line)


def test_a_key_with_blanks_and_a_key_again(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY} and more", "commit")
    assert device.secret(1) == f"{KEY} and more"
    first = device.running_configuration()
    console.do(f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY} and more")
    assert console.prompt == "[*CE1]", "the same key has a new ciphertext"
    console.do("commit")
    assert device.running_configuration() != first


def test_ciphertext_is_taken_back_by_this_device_alone(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    # A question mark would call the help (fact 2.3), so look for a text without one.
    while True:
        console.do("system-view", f"ntp authentication-keyid 1 authentication-mode hmac-sha256 {KEY}", "commit")
        line = re.search(r"ntp authentication-keyid 1 .*", device.running_configuration())
        assert line is not None
        if "?" not in line[0]:
            break
        console.do("quit")
    console.do(line[0].replace("keyid 1", "keyid 2"), "commit")
    assert device.secret(2) == KEY
    assert "Error" in console.type(
        "ntp authentication-keyid 3 authentication-mode hmac-sha256 cipher " + "%+%#" + "a" * 40
    )


def test_ne_takes_readable_text_after_cipher(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device("ne40e-v800r012")
    console.do(
        "system-view", "ntp-service authentication-keyid 16 authentication-mode hmac-sha256 cipher Hello123", "commit"
    )
    assert device.secret(16) == "Hello123"


def test_md5_needs_the_package(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    line = f"ntp authentication-keyid 1 authentication-mode md5 {KEY}"
    console.do("system-view")
    caret, text = console.type(line).split("\n")
    assert caret.index("^") == len("[~CE1]") + line.index("md5") and "Unrecognized" in text
    console.do("quit", "install feature-software WEAKEA", "system-view", line)


@pytest.mark.parametrize("variant", range(3))
def test_refusals_of_lines_in_all_wordings(open_device, variant: int) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(
        wording_variant=variant,
        interfaces=[{"name": "100GE1/0/1", "layer2": False, "ipv4": "10.0.0.1/24"}, {"name": "100GE1/0/2"}],
    )
    console.do("system-view", f"ntp authentication-keyid 70000 authentication-mode hmac-sha256 {KEY}")
    before = console.do("display configuration candidate")
    for line in (
        "ntp trusted authentication-keyid 9",
        "ntp authentication-keyid 5 authentication-mode aes-128-cmac short",
        "interface 100GE1/0/1|ntp multicast-server authentication-keyid 9",
        "interface 100GE1/0/1|ntp multicast-server authentication-keyid 70000 version 4",
        "interface 100GE1/0/1|ntp multicast-server 10.1.1.1",
        "interface 100GE1/0/1|ntp multicast-client ipv6 2001:db8::1",
        "interface 100GE1/0/1|ntp multicast-server ipv6",
        "interface 100GE1/0/2|ntp multicast-server",
    ):
        *views, last = line.split("|")
        console.do(*views)
        assert re.search(r"^Error", console.type(last), re.MULTILINE), f"{line} was taken in variant {variant}"
    assert console.do("display configuration candidate") == before


def test_every_unknown_text_has_variants() -> None:
    for name, variants in VARIANTS.items():
        assert variants, name


@pytest.mark.parametrize("where", ["entry", "commit", "accept"])
def test_a_server_line_that_names_no_key(open_device, where: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(behaviour={"missing_key": where})
    console.do("system-view", "interface 100GE1/0/1")
    answer = console.type("ntp multicast-server authentication-keyid 9")
    assert ("Error" in answer) == (where == "entry")
    refused = "Error" in console.type("commit")
    assert refused == (where == "commit")
    assert (console.prompt.startswith("[*")) == (where == "commit"), "a refused commit stays pending"
    assert ("multicast-server" in device.running_configuration()) == (where == "accept")


@pytest.mark.parametrize("where", ["entry", "commit", "accept"])
def test_undo_of_a_key_in_use(open_device, where: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(behaviour={"key_in_use": where})
    console.do(
        "system-view",
        f"ntp authentication-keyid 9 authentication-mode hmac-sha256 {KEY}",
        "ntp trusted authentication-keyid 9",
        "interface 100GE1/0/1",
        "ntp multicast-server authentication-keyid 9",
        "quit",
        "commit",
    )
    assert ("Error" in console.type("undo ntp authentication-keyid 9")) == (where == "entry")
    assert ("Error" in console.type("commit")) == (where == "commit")
    kept = "ntp trusted authentication-keyid 9" in device.running_configuration()
    assert kept == (where != "accept"), "the trust goes with the key"


@pytest.mark.parametrize("reenter", ["replace", "merge"])
def test_the_same_group_again_modifies(open_device, reenter: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(behaviour={"reenter": reenter})
    console.do("system-view", "interface 100GE1/0/1", "ntp multicast-server ttl 7 version 4", "commit")
    console.do("ntp multicast-server 224.0.1.1 port 5000", "ntp multicast-server 224.9.9.9", "commit")
    expected = "ttl 7 version 4 port 5000" if reenter == "merge" else "port 5000"
    text = device.running_configuration()
    assert f" ntp multicast-server {expected}\n" in text, "another address adds, the same one modifies"
    assert " ntp multicast-server 224.9.9.9\n" in text


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("default_group", ["bare", "explicit"])
def test_how_defaults_are_printed(open_device, shown: bool, default_group: str) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device(
        behaviour={
            "defaults_shown": shown,
            "default_group": default_group,
            "option_order": ["port", "version", "ttl", "authentication-keyid"],
        }
    )
    console.do("system-view", "interface 100GE1/0/1", "ntp multicast-server ttl 16 version 3 port 123", "commit")
    group = " 224.0.1.1" if default_group == "explicit" else ""
    options = " port 123 version 3 ttl 16" if shown else ""
    assert f" ntp multicast-server{group}{options}\n" in device.running_configuration()


@pytest.mark.parametrize("variant", range(3))
def test_undo_of_what_is_not_there(open_device, variant: int) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device(wording_variant=variant)
    console.do("system-view", "interface 100GE1/0/1")
    expected = ["", "Info:", "Error:"][variant]
    answers = [console.type("undo ntp multicast-client"), console.type("undo ntp multicast-server 224.7.7.7")]
    console.do("quit")
    answers.append(console.type("undo ntp trusted authentication-keyid 3"))
    assert [answer.partition(" ")[0] for answer in answers] == [expected] * 3
    assert console.prompt == "[~CE1]"


def test_undo_takes_the_address_only(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "interface 100GE1/0/1", "ntp multicast-server 224.7.7.7 ttl 3")
    assert "Too many parameters" in console.type("undo ntp multicast-server 224.7.7.7 ttl 3")
    console.do("undo ntp multicast-server")
    assert "224.7.7.7" in console.do("display configuration candidate"), "bare undo means the default group"
    console.do("undo ntp multicast-server 224.7.7.7")
    _unused, old = open_device("vrp5")
    old.do("system-view", "interface gigabitethernet 0/0/1", "ntp-service multicast-server 224.7.7.7 ttl 3")
    old.do("undo ntp-service multicast-server 224.7.7.7 ttl 3")


def test_ipv6_lines_have_no_version(open_device) -> None:  # type: ignore[no-untyped-def]
    _unused, console = open_device()
    console.do("system-view", "interface 100GE1/0/1")
    assert "Error" in console.type("ntp multicast-server ipv6 version 4")
    console.do("ntp multicast-server ipv6 FF0E::0101 ttl 9")
    assert " ntp multicast-server ipv6 ttl 9" in console.do("display configuration candidate")


def test_authentication_has_to_be_on_before_the_association(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do(
        "system-view", "interface 100GE1/0/1", "ntp multicast-client", "quit", "ntp authentication enable", "commit"
    )
    assert device.unauthenticated() == [("100GE1/0/1", "multicast-client", "224.0.1.1")]
    console.do("interface 100GE1/0/1", "undo ntp multicast-client", "ntp multicast-client")
    assert console.prompt == "[*CE1-100GE1/0/1]", "taken away and set again is a change"
    console.do("commit")
    assert device.unauthenticated() == []
    console.do("undo ntp multicast-client", "quit", "undo ntp authentication enable", "commit")
    console.do("interface 100GE1/0/1", "ntp multicast-client", "quit", "ntp authentication enable")
    console.do("interface 100GE1/0/1", "undo ntp multicast-client", "ntp multicast-client", "commit")
    assert device.unauthenticated() == [], "in one candidate the last order of the lines counts"


def test_deleting_an_interface_and_binding_it_take_the_lines_away(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    console.do("system-view", "interface Vlanif100", "ntp multicast-client", "commit")
    console.do("quit", "undo interface Vlanif100", "interface 100GE1/0/1", "ntp multicast-client", "commit")
    assert "Vlanif100" not in device.running_configuration()
    console.do("ip binding vpn-instance v1", "commit")
    assert "multicast" not in device.running_configuration() and "10.0.0.1" not in device.running_configuration()


def test_neighbouring_lines_are_taken_and_taken_back(open_device) -> None:  # type: ignore[no-untyped-def]
    device, console = open_device()
    before = device.running_configuration().partition("#")[2]
    lines = (
        "ntp max-dynamic-sessions 50",
        "ntp max-distance 3",
        "ntp source-interface LoopBack0",
        "ntp source-port 123",
        "ntp sync-interval 180",
        "ntp offset-limit 5",
        "ntp discard min-interval 4 avg-interval 4",
        "ntp access limited 2000",
        "ntp kod-enable",
        "ntp unicast-server 192.0.2.1",
        "ntp unicast-peer ipv6 2001:DB8::1",
        "ntp disable",
        "ntp ipv6 disable",
        "ntp ipv6 server source-address FD00::1",
    )
    console.do("system-view", *lines)
    console.do("interface 100GE1/0/1", "ntp broadcast-server", "ntp manycast-server", "ntp receive disable")
    console.do("quit", "commit")
    for line in lines:
        assert f"{line}\n" in device.running_configuration()
    console.do(*(f"undo {line}" for line in lines), "interface 100GE1/0/1")
    console.do("undo ntp broadcast-server", "undo ntp manycast-server", "undo ntp receive disable", "commit")
    assert device.running_configuration().partition("#")[2] == before
