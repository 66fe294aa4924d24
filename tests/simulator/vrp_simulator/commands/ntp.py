# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NTP lines of the system view and of interface views (facts 1.1 to 1.7)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from ..configuration import Block, Line, Place
from ..editing import Edit
from ..errors import Refusal
from ..ntp_entries import (
    AUTHENTICATION,
    LOCAL_CLOCK,
    SERVICE,
    Key,
    ListenAll,
    LocalClock,
    NtpLine,
    ServerSwitch,
    Trust,
    UnicastAssociation,
    UnicastServer,
    key_place,
    keys_in_use,
    listen_all_place,
    ntp,
    server_place,
    trust_place,
)
from ..syntax import Match
from .table import Command, View, edits

SYSTEM = frozenset({View.SYSTEM})
AES_LENGTHS = {"aes-128-cmac": 16, "aes-256-cmac": 32}  # characters, fact 1.1
COMPLEXITY_SWITCH = ntp("complexity-check")


def _set_key(edit: Edit, match: Match) -> None:
    """``ntp authentication-keyid`` (fact 1.1); the same command again overwrites."""
    key_id = int(match.text("key_id"))
    mode = next(word for word in match.words if word in edit.release.algorithms)
    secret, cipher = _secret(edit, match, mode)
    if cipher is None:
        cipher = edit.cipher.encrypt(secret or "", edit.cipher_tail)
    edit.set(key_place(key_id), Key(key_id, mode, secret, cipher))


def _secret(edit: Edit, match: Match, mode: str) -> tuple[str | None, str | None]:
    """Return the secret and, when the line carried one, the ciphertext."""
    if "cipher" not in match.values:
        text = _unquoted(edit, match.text("plain"))
        _check_plain(edit, text, mode, match.position("plain"))
        return text, None
    text = match.text("cipher")
    secret = edit.cipher.decrypt(text)
    if secret is not None:
        return secret, text
    if edit.at_startup and len(text) >= 20:
        return None, text  # a file of another device: kept, but not usable (fact 2.3)
    if edit.release.cipher_takes_plain and not edit.cipher.looks_encrypted(text):
        _check_plain(edit, text, mode, match.position("cipher"))
        return text, None
    edit.wordings.refuse("cipher-invalid", match.position("cipher"))
    raise Refusal("Error: The password is invalid.")


def _unquoted(edit: Edit, text: str) -> str:
    """VRP5 wants a value with blanks in double quotes (fact 1.1)."""
    if not edit.release.two_stage and len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


def _check_plain(edit: Edit, text: str, mode: str, position: int) -> None:
    """Length and complexity of a plain key (fact 1.1)."""
    if mode in AES_LENGTHS:
        if len(text) != AES_LENGTHS[mode]:
            edit.wordings.refuse("key-length", position, length=AES_LENGTHS[mode])
        if not edit.behaviour.aes_complexity:
            return
    if len(text) > 255:
        edit.wordings.refuse("key-length", position, length="1 to 255")
    check_on = edit.behaviour.complexity_check and COMPLEXITY_SWITCH not in edit.candidate
    if check_on and not edit.at_startup and not _is_complex(text):
        edit.wordings.refuse("complexity", position)


def _is_complex(text: str) -> bool:
    classes = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^a-zA-Z0-9]")
    return len(text) >= 12 and all(re.search(pattern, text) for pattern in classes)


def _undo_key(edit: Edit, match: Match) -> None:
    """Takes its trust with it (fact 1.2); refusals of a key in use are unknown (fact 8 item 3)."""
    key_id = int(match.text("key_id"))
    place = key_place(key_id)
    if place not in edit.candidate:
        edit.object_absent("undo-key-absent", match.position("key_id"))
        return
    if edit.behaviour.key_in_use == "entry" and key_id in keys_in_use(edit.candidate.merged()):
        edit.wordings.refuse("key-in-use", match.position("key_id"), key_id=key_id)
    if trust_place(key_id) in edit.candidate:
        if edit.behaviour.trust_with_key == "refuse":
            edit.wordings.refuse("key-in-use", match.position("key_id"), key_id=key_id)
        edit.set(trust_place(key_id), None)
    edit.set(place, None)


def _trust(edit: Edit, match: Match) -> None:
    key_id = int(match.text("key_id"))
    if key_place(key_id) not in edit.candidate:  # fact 1.2: the key must exist first
        edit.wordings.refuse("trust-of-missing-key", match.position("key_id"), key_id=key_id)
    edit.set(trust_place(key_id), Trust(key_id))


def _undo_trust(edit: Edit, match: Match) -> None:
    if not edit.set(trust_place(int(match.text("key_id"))), None):
        edit.object_absent("undo-trust-absent", match.position("key_id"))


def _authentication(edit: Edit, match: Match) -> None:
    on = match.words[0] != "undo"
    edit.set(AUTHENTICATION, NtpLine("authentication enable", 9) if on else None)


def _server_switch(edit: Edit, match: Match) -> None:
    """``ntp [ ipv6 ] server disable`` and its undo (fact 1.5)."""
    afi = "ipv6" if "ipv6" in match.words else "ipv4"
    enabled = match.words[0] == "undo"
    edit.set(server_place(afi), ServerSwitch(afi, enabled))


def _server_disable_question(edit: Edit, match: Match) -> str | None:
    """Some releases ask (facts 1.5, 8 item 11)."""
    return edit.wordings.text("server-disable-question") if edit.behaviour.server_disable_asks else None


def _listen(edit: Edit, match: Match) -> None:
    name = match.text("interface")
    if not edit.interface_exists(name) and not edit.at_startup:
        edit.wordings.refuse("interface-missing", match.position("interface"))
    place = ntp("listen", "ipv4", name)
    on = match.words[0] != "undo"
    edit.set(place, NtpLine(f"server source-interface {name}", 12) if on else None)


def _listen_ipv6(edit: Edit, match: Match) -> None:
    address = match.text("address")
    instance = f" vpn-instance {match.text('instance')}" if "instance" in match.values else ""
    on = match.words[0] != "undo"
    words = f"ipv6 server source-address {address.upper()}{instance}"
    edit.set(ntp("listen", "ipv6", address + instance), NtpLine(words, 12) if on else None)


def _listens_everywhere(match: Match) -> bool:
    return (match.words[-1] == "enable") != (match.words[0] == "undo")


def _listen_all(edit: Edit, match: Match) -> None:
    afi = "ipv6" if "ipv6" in match.words else "ipv4"
    enabled = _listens_everywhere(match)
    present = edit.candidate.get(listen_all_place(afi))
    entry = ListenAll(afi, enabled)
    if not enabled and not edit.release.source_all_disabled_printed:
        edit.set(listen_all_place(afi), None)
    else:
        edit.set(listen_all_place(afi), entry)
    if not enabled and isinstance(present, ListenAll) and present.enabled:
        edit.say(  # fact 1.5
            f"Warning: The NTP {_printed(afi)} server listening all interface is disabled. Run the server "
            f"source-interface command to specify the ntp {_printed(afi)} server listening function."
        )


def _listen_all_question(edit: Edit, match: Match) -> str | None:
    """The question before the server listens everywhere (fact 1.5)."""
    afi = "ipv6" if "ipv6" in match.words else "ipv4"
    if not _listens_everywhere(match):
        return None
    return f"Warning: NTP {_printed(afi)} server listening all interface will be enabled. Continue? [Y/N]:"


def _printed(afi: str) -> str:
    return "IPv6" if afi == "ipv6" else "IPv4"


def _local_clock(edit: Edit, match: Match) -> None:
    """Stratum 8 when none is given (fact 1.6)."""
    if match.words[0] == "undo":
        edit.set(LOCAL_CLOCK, None)
        return
    unit = int(match.text("clock").rpartition(".")[2]) if "clock" in match.values else 0
    edit.set(LOCAL_CLOCK, LocalClock(unit, match.number("stratum") or 8))


def _service(edit: Edit, match: Match) -> None:
    """``ntp disable`` stops the service and leaves the lines (fact 1.6)."""
    afi = "ipv6" if "ipv6" in match.words else "ipv4"
    words = "ipv6 disable" if afi == "ipv6" else "disable"
    edit.set(SERVICE[afi], None if match.words[0] == "undo" else NtpLine(words, 1))


_NO_HOSTS = tuple(map(ipaddress.ip_network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/127", "ff00::/8")))


def _upstream_place(target: str, instance: str | None) -> Place:
    """Address and VPN instance are the key (YANG: with the type)."""
    return ntp("unicast", "unicast-server", target, instance or "")


def _target(edit: Edit, match: Match) -> str:
    """The address as a device prints it: IPv6 behind its keyword, in upper case (fact 2.1)."""
    if "domain" in match.values:
        return f"domain {match.text('domain')}"
    address = ipaddress.ip_address(match.text("address"))
    if any(address in network for network in _NO_HOSTS if network.version == address.version):
        edit.wordings.refuse("not-a-host", match.position("address"))
    return f"ipv6 {str(address).upper()}" if address.version == 6 else str(address)


def _upstream(edit: Edit, match: Match) -> None:
    """``ntp unicast-server`` (fact 1.8)."""
    target = _target(edit, match)
    instance = match.text("instance") if "instance" in match.values else None
    place = _upstream_place(target, instance)
    key_id, version = match.number("key_id"), match.number("version")
    if key_id is not None:
        if version == 4 and key_id > 65535:
            edit.wordings.refuse("key-id-with-version-4", match.position("key_id"))
        if edit.behaviour.missing_key == "entry" and key_place(key_id) not in edit.candidate and not edit.at_startup:
            edit.wordings.refuse("key-missing", match.position("key_id"), key_id=key_id)
    if not edit.at_startup:
        _check_instance(edit, match, instance)
        _check_source(edit, match, target, instance)
    wanted = UnicastServer(
        target,
        key_id,
        version,
        match.number("port"),
        match.text("source") if "source" in match.values else None,
        instance,
        edit.release.dialect.preferred in match.words,
        match.number("maxpoll"),
        match.number("minpoll"),
        tuple(word for word in ("burst", "iburst", "preempt") if word in match.words),
    )
    present = edit.candidate.get(place)
    if edit.behaviour.reenter == "merge" and isinstance(present, UnicastServer):  # fact 8 item 6
        wanted = _merged(present, wanted)
    if not edit.behaviour.defaults_shown:  # the defaults: fact 1.8
        wanted = replace(
            wanted,
            version=None if wanted.version == 3 else wanted.version,
            port=None if wanted.port == 123 else wanted.port,
            maxpoll=None if wanted.maxpoll == 10 else wanted.maxpoll,
            minpoll=None if wanted.minpoll == 6 else wanted.minpoll,
        )
    edit.set(place, wanted)


def _merged(present: UnicastServer, typed: UnicastServer) -> UnicastServer:
    names = ("key_id", "version", "port", "source", "maxpoll", "minpoll")
    kept = {name: getattr(present, name) for name in names if getattr(typed, name) is None}
    modes = tuple(dict.fromkeys((*present.modes, *typed.modes)))
    return replace(typed, **kept, preferred=present.preferred or typed.preferred, modes=modes)


def _check_instance(edit: Edit, match: Match, instance: str | None) -> None:
    if instance is None:
        return
    known = {
        line
        for place in edit.candidate.places("")
        if isinstance(entry := edit.candidate.get(place), Block)
        for line in entry.lines
    }
    if instance == "_public_" or f"ip vpn-instance {instance}" not in known:
        edit.wordings.refuse("vpn-missing", match.position("instance"))


def _check_source(edit: Edit, match: Match, target: str, instance: str | None) -> None:
    """It has to be there, in the VPN instance of the server, and to have IPv6 for an IPv6 server."""
    if "source" not in match.values:
        return
    name = match.text("source")
    if not edit.interface_exists(name):
        edit.wordings.refuse("interface-missing", match.position("source"))
    binding = edit.candidate.get(Place(name, ("ip-binding",)))
    bound = binding.line.split()[-1] if isinstance(binding, Line) else None
    if bound != instance:
        edit.wordings.refuse("source-in-another-vpn", match.position("source"))
    if target.startswith("ipv6 ") and Place(name, ("ipv6", "enable")) not in edit.candidate:
        edit.wordings.refuse("ipv6-not-enabled", match.position("source"))


def _undo_upstream(edit: Edit, match: Match) -> None:
    """Takes the address and the VPN instance, and nothing else (fact 1.8)."""
    instance = match.text("instance") if "instance" in match.values else None
    target = f"domain {match.text('domain')}" if "domain" in match.values else match.text("address").upper()
    if "ipv6" in match.words:
        target = f"ipv6 {target}"
    if not edit.set(_upstream_place(target, instance), None):
        edit.object_absent("undo-association-absent")


def _unicast(edit: Edit, match: Match) -> None:
    """``ntp unicast-peer`` with its options as typed (fact 1.6)."""
    role = next(word for word in match.words if word.startswith("unicast-"))
    address = match.text("address")
    place = ntp("unicast", role, address)
    if match.words[0] == "undo":
        if not edit.set(place, None):
            edit.object_absent("undo-association-absent", match.position("address"))
        return
    rest = match.text("options") if "options" in match.values else ""
    found = re.search(r"authentication-keyid\s+(\d+)", rest)
    key_id = int(found[1]) if found else None
    if key_id is not None and key_place(key_id) not in edit.candidate and not edit.at_startup:
        edit.wordings.refuse("key-missing", match.position("options"), key_id=key_id)
    words = f"{role} {'ipv6 ' if ':' in address else ''}{address.upper()} {rest}".strip()
    edit.set(place, UnicastAssociation(words, key_id))


def _neighbour(edit: Edit, match: Match) -> None:
    """Any other NTP line (fact 1.6): kept as typed, one for each leading word."""
    undo = match.words[0] == "undo"
    words = [word for word in match.line.split() if word.lower() not in ("undo", edit.release.dialect.command)]
    word = match.words[2 if undo else 1]
    identity = _identity(word, words)
    if undo:
        for place in list(edit.candidate.places("")):
            if place.key[:3] == ("ntp", "other", identity) or place.key[:2] == ("ntp", identity):
                edit.set(place, None)
        return
    rank = {"access": 8, "kod-enable": 10, "discard": 11}.get(word, 11)
    edit.set(_neighbour_place(word, identity), NtpLine(" ".join([word, *words[1:]]), rank))


def _identity(word: str, words: list[str]) -> str:
    return " ".join([word, *words[1:2]]) if word in ("access", "discard") else word


def _neighbour_place(word: str, identity: str) -> Place:
    return COMPLEXITY_SWITCH if word == "authentication-password" else ntp("other", identity)


def _complexity(edit: Edit, match: Match) -> None:
    on = match.words[0] == "undo"
    line = NtpLine("authentication-password complexity-check disable", 4)
    edit.set(COMPLEXITY_SWITCH, None if on else line)


def _complexity_question(edit: Edit, match: Match) -> str | None:
    """Two blanks before the bracket (fact 1.1)."""
    if match.words[0] == "undo":
        return None
    return "Warning: Password complexity check on NTP authentication will be disabled. Continue?  [Y/N]:"


_KEY_ID = "<key_id:1..4294967295>"
# Fact 1.8.
_UPSTREAM = (
    f"authentication-keyid {_KEY_ID} | port <port:123,1025..65535> | source-interface <source:interface> | "
    "vpn-instance <instance:word> | PREFERRED | maxpoll <maxpoll:10..17> | minpoll <minpoll:3..6> | burst | iburst | "
    "preempt"
)


def commands(algorithms: tuple[str, ...]) -> list[Command]:
    """The NTP commands of the system view; ``NTP`` and ``TRUSTED`` stand for the words of the dialect."""
    modes = " | ".join(algorithms)
    return [
        edits(
            f"NTP authentication-keyid {_KEY_ID} authentication-mode {{ {modes} }} "
            "{ <plain:text> | cipher <cipher:text> }",
            SYSTEM,
            _set_key,
        ),
        edits(f"undo NTP authentication-keyid {_KEY_ID}", SYSTEM, _undo_key),
        edits("[ undo ] NTP authentication enable", SYSTEM, _authentication),
        edits(f"NTP TRUSTED authentication-keyid {_KEY_ID}", SYSTEM, _trust),
        edits(f"undo NTP TRUSTED authentication-keyid {_KEY_ID}", SYSTEM, _undo_trust),
        edits("NTP [ ipv6 ] server disable", SYSTEM, _server_switch, _server_disable_question),
        edits("undo NTP [ ipv6 ] server disable", SYSTEM, _server_switch),
        edits("[ undo ] NTP server source-interface <interface:interface>", SYSTEM, _listen),
        edits(
            "[ undo ] NTP [ ipv6 ] server source-interface all { enable | disable }",
            SYSTEM,
            _listen_all,
            _listen_all_question,
        ),
        edits(
            "[ undo ] NTP ipv6 server source-address <address:ipv6> [ vpn-instance <instance:word> ]",
            SYSTEM,
            _listen_ipv6,
        ),
        edits("NTP refclock-master [ <clock:clock> ] [ <stratum:1..15> ]", SYSTEM, _local_clock),
        edits("undo NTP refclock-master [ <clock:clock> ]", SYSTEM, _local_clock),
        edits("[ undo ] NTP [ ipv6 ] disable", SYSTEM, _service),
        edits(f"NTP unicast-server <address:ipv4> [ version <version:1..4> | {_UPSTREAM} ] *", SYSTEM, _upstream),
        edits(f"NTP unicast-server ipv6 <address:ipv6> [ {_UPSTREAM} ] *", SYSTEM, _upstream),
        edits(f"NTP unicast-server domain <domain:word> [ version <version:1..4> | {_UPSTREAM} ] *", SYSTEM, _upstream),
        edits(
            "undo NTP unicast-server { <address:ipv4> | ipv6 <address:ipv6> | domain <domain:word> } "
            "[ vpn-instance <instance:word> ]",
            SYSTEM,
            _undo_upstream,
        ),
        edits("NTP unicast-peer { <address:ipv4> | ipv6 <address:ipv6> } [ <options:text> ]", SYSTEM, _unicast),
        edits("undo NTP unicast-peer { <address:ipv4> | ipv6 <address:ipv6> } [ <options:text> ]", SYSTEM, _unicast),
        edits(
            "[ undo ] NTP authentication-password complexity-check disable", SYSTEM, _complexity, _complexity_question
        ),
        edits("NTP max-dynamic-sessions <number:0..100>", SYSTEM, _neighbour),
        edits("NTP max-distance <number:1..16>", SYSTEM, _neighbour),
        edits("NTP source-interface <interface:interface> [ vpn-instance <instance:word> ]", SYSTEM, _neighbour),
        edits("NTP source-port <number:123,1025..65535>", SYSTEM, _neighbour),
        edits("NTP sync-interval <number:180..600>", SYSTEM, _neighbour),
        edits("NTP offset-limit <number:5..7620>", SYSTEM, _neighbour),
        edits("NTP discard { min-interval <low:1..8> | avg-interval <high:1..8> } *", SYSTEM, _neighbour),
        edits("NTP access { peer | server | synchronization | query | limited } <acl:text>", SYSTEM, _neighbour),
        edits("NTP kod-enable", SYSTEM, _neighbour),
        edits(
            "undo NTP { max-dynamic-sessions | max-distance | source-interface | source-port | sync-interval | "
            "offset-limit | discard | kod-enable | access { peer | server | synchronization | query | limited } } "
            "[ <rest:text> ]",
            SYSTEM,
            _neighbour,
        ),
    ]
