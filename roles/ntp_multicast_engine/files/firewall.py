# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of this host's firewall for the engine: open what is wanted, and take back what was opened before.

What was opened stands in a record beside the engine's configuration. It is kept and put back with it, so that a
generation is put back with its rules.
Arguments: the record, and a document with `kind` (none, nftables or firewalld), `rules`, `place` (family, table and
chain, or a zone of firewalld where it shall not be that of the interface), and `look`, with which nothing is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from typing import NamedTuple

NAME = "ntp-multicast-engine"
NOTHING = {"kind": "none", "place": [], "rules": []}
INCLUDED = "firewall.nft"
ANY_INTERFACE = "*"
FIREWALLD_SETTINGS = "/etc/firewalld/firewalld.conf"
FIREWALLD_TABLE = "table inet firewalld"
HEAD = """# Managed by Ansible (timecast.ntp_multicast.ntp_multicast_engine).
# These rules are in the chain {place}. To have them after a boot, include {folder}/*.nft
# in that chain of nftables.conf, before what drops packets.
"""


class Refused(Exception):
    """What can't be done; the text says why."""


class Missing(Refused):
    """There is no such command on this host."""


def run(*command, text=""):
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Missing(f"'{command[0]}' does not run on this host: {error.strerror}.") from error


def must(*command, text=""):
    done = run(*command, text=text)
    if done.returncode != 0:
        raise Refused(f"'{' '.join(command)}': {(done.stderr or done.stdout).strip()}")
    return done.stdout


def names_of(interface):
    """By which names a chain sees what comes in over it: the kernel's own, and that of the VRF it belongs to."""
    try:
        name = socket.if_indextoname(socket.if_nametoindex(interface))
        [link] = json.loads(run("ip", "-json", "-details", "link", "show", "dev", name).stdout)
    except (OSError, ValueError, Missing):
        return [interface]
    is_in_vrf = (link.get("linkinfo") or {}).get("info_slave_kind") == "vrf"
    return [name, link["master"]] if is_in_vrf else [name]


def as_seen(rule):
    """The rule with the names that a packet has: an alternative name of an interface matches none."""

    def named(match):
        names = [f'"{name}"' for name in names_of(match[1])]
        return f"iifname {names[0]}" if len(names) == 1 else f"iifname {{ {', '.join(names)} }}"

    return re.sub(r'\biifname "([^"]+)"', named, rule)


class Plan(NamedTuple):
    """Rules that come, rules that go, the commands for it, and what is ours beside the rules."""

    came: list
    went: list
    steps: list
    owned: list | None


class Nothing:
    """No firewall that the role has to do with."""

    def __init__(self, _place):
        self.place = []

    def plan(self, _wanted, _before):
        return Plan([], [], [], None)

    def text(self, _rules):
        return None


class Nftables:
    """A chain. What is ours has a comment that says so, and what it says."""

    def __init__(self, place):
        self.place = place

    def plan(self, wanted, before):
        """All rules anew, at once, unless they are there in this order."""
        if not wanted and run("nft", "list", "chain", *self.place).returncode != 0:
            return Plan([], [], [], None)
        present = self.present()
        there = [comment for _handle, comment in present]
        if there == [comment_of(rule) for rule in wanted]:
            return Plan([], [], [], None)
        chain = " ".join(self.place)
        lines = [f"delete rule {chain} handle {handle}" for handle, _comment in present]
        lines += [f'insert rule {chain} {rule} comment "{comment_of(rule)}"' for rule in reversed(wanted)]
        text = "\n".join(lines) + "\n"
        must("nft", "--check", "--file", "-", text=text)
        told = {comment_of(rule): rule for rule in before["rules"]}
        went = [told.get(comment, comment) for comment in there if comment not in map(comment_of, wanted)]
        came = [rule for rule in wanted if comment_of(rule) not in there]
        return Plan(came if came or went else wanted, went, [(["nft", "--file", "-"], text)], None)

    def present(self):
        """Handles and comments of the rules that are ours."""
        asked = run("nft", "--json", "--handle", "list", "chain", *self.place)
        if asked.returncode != 0:
            family, table, chain = self.place
            raise Refused(
                f"There is no chain '{chain}' in the table '{family} {table}' of nftables on this host. Name the chain "
                "that drops packets in ntp_multicast_engine_nftables_chain, or set ntp_multicast_engine_firewall to "
                f"none ({(asked.stderr.strip() or 'no reason given').splitlines()[0]})."
            )
        rules = [entry["rule"] for entry in json.loads(asked.stdout)["nftables"] if "rule" in entry]
        return [(rule["handle"], rule["comment"]) for rule in rules if rule.get("comment", "").split(" ")[0] == NAME]

    def text(self, rules):
        """What the chain can include."""
        return "".join(f'{rule} comment "{comment_of(rule)}"\n' for rule in rules)


def comment_of(rule):
    """Tells a rule from one that an older description has led to; nft itself writes the rule in another way."""
    return f"{NAME} {hashlib.sha256(rule.encode()).hexdigest()[:8]}"


class Firewalld:
    """Zones of firewalld, as they are now and as they are after a start. Rules are in the form in which it lists them.

    A rule has the interface in front that it is for, and goes to the zone of that. What is ours is kept as way, zone
    and rule, since somebody else may have had the same rule in one of the two ways or in one of the zones.
    """

    def __init__(self, place):
        zone = run("firewall-cmd", "--get-default-zone")
        self.ways = {"runtime": ["firewall-cmd"], "permanent": ["firewall-cmd", "--permanent"]}
        self.runs = zone.returncode == 0
        if not self.runs:
            self.ways = {"permanent": ["firewall-offline-cmd"]}
            zone = run("firewall-offline-cmd", "--get-default-zone")
        self.place, self.default = place, zone.stdout.strip()

    def plan(self, wanted, before):
        if wanted and not self.runs:
            raise Refused(
                "ntp_multicast_engine_firewall is firewalld, and firewalld does not run on this host. Start it, or set "
                "ntp_multicast_engine_firewall to none."
            )
        rules = list(dict.fromkeys(map(self.zoned, wanted)))
        owned = [tuple(each) for each in before.get("owned", self.owned_of_old(before))]
        if self.runs and (rules or owned):
            refuse_broken_firewalld()
        came, went, own, steps = [], [], [], []
        for way, command in self.ways.items():
            for zone in dict.fromkeys([*(zone for zone, _rule in rules), *(zone for _way, zone, _rule in owned)]):
                here = [*command, f"--zone={zone}"]
                of_zone = [rule for each, rule in rules if each == zone]
                present = self.present(here, bool(of_zone))
                add = [rule for rule in of_zone if rule not in present]
                drop = [
                    rule
                    for each, where, rule in owned
                    if (each, where) == (way, zone) and rule in present and rule not in of_zone
                ]
                own += [(way, zone, rule) for rule in of_zone if rule in add or (way, zone, rule) in owned]
                steps += [
                    ([*here, *(f"--{option}-rich-rule={rule}" for rule in some)], "")
                    for option, some in (("add", add), ("remove", drop))
                    if some
                ]
                came += [f"{rule} (zone {zone})" for rule in add]
                went += [f"{rule} (zone {zone})" for rule in drop]
        return Plan(list(dict.fromkeys(came)), list(dict.fromkeys(went)), steps, sorted(own))

    def zoned(self, text):
        """The zone that a rule is for, and the rule."""
        if text.startswith("rule "):
            interface, rule = "", text
        else:
            interface, _blank, rule = text.partition(" ")
        return self.place[0] if self.place else self.zone_of(interface), rule

    def zone_of(self, interface):
        """One that is in no zone belongs to the default one, and so does what is for all of them."""
        if interface in ("", ANY_INTERFACE):
            return self.default
        asked = run("firewall-cmd", f"--get-zone-of-interface={names_of(interface)[0]}")
        return asked.stdout.strip() if asked.returncode == 0 else self.default

    def owned_of_old(self, before):
        """A record of an older release has one zone, and no ways."""
        place = before["place"] or [self.default]
        return [(way, place[0], rule) for way in self.ways for rule in before["rules"] if rule.startswith("rule ")]

    @staticmethod
    def present(here, is_needed):
        listed = run(*here, "--list-rich-rules")
        if listed.returncode == 0:
            return listed.stdout.splitlines()
        if is_needed:
            raise Refused(f"'{' '.join(here)}': {(listed.stderr or listed.stdout).strip()}")
        return []  # a zone that was removed has nothing open

    def text(self, _rules):
        return None


def refuse_broken_firewalld():
    """It goes on listing rules when somebody has emptied nftables, and after that drops all, at its next change."""
    state = run("firewall-cmd", "--state").stdout.strip()
    tables = run("nft", "list", "tables") if uses_nftables() else None
    if state != "failed" and (
        tables is None or tables.returncode != 0 or FIREWALLD_TABLE in tables.stdout.splitlines()
    ):
        return
    raise Refused(
        "firewalld runs on this host, but its rules are not in the kernel, as after 'nft flush ruleset'. "
        "Restart it (systemctl restart firewalld)."
    )


def uses_nftables():
    settings = (read(FIREWALLD_SETTINGS) or "").splitlines()
    return shutil.which("nft") is not None and "FirewallBackend=iptables" not in settings


KINDS = {"none": Nothing, "nftables": Nftables, "firewalld": Firewalld}


def read(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return None


def opened_before(record):
    try:
        opened = {**NOTHING, **json.loads(read(record) or "{}")}
    except (ValueError, TypeError):
        return NOTHING
    # What somebody else has written there tells nothing that could be taken back.
    lists = isinstance(opened["place"], list) and isinstance(opened["rules"], list)
    return opened if lists and opened["kind"] in tuple(KINDS) else NOTHING


def write(path, text, look):
    """Put the text there at once, or remove the file. Says whether that changes anything."""
    if look or text == read(path):
        return text != read(path)
    if text is None:
        os.unlink(path)
        return True
    with open(path + ".new", "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), 0o644)
        stream.write(text)
    os.replace(path + ".new", path)
    return True


def keep_record(record, firewall, opened, look):
    """The record, and the file that a chain includes; says whether that changes anything."""
    folder = os.path.dirname(record)
    head = HEAD.format(place=" ".join(firewall.place), folder=folder)
    rules = firewall.text(opened["rules"])
    document = None if opened["kind"] == "none" else json.dumps(opened, indent=2, sort_keys=True) + "\n"
    files = {os.path.join(folder, INCLUDED): head + rules if rules else None, record: document}
    changes = [write(path, text, look) for path, text in files.items()]
    return any(changes)


def to_take_back(before):
    """What closes what was opened elsewhere. Where there is no such firewall any more, nothing is open."""
    try:
        return KINDS[before["kind"]](before["place"]).plan([], before)
    except Missing:
        return Plan([], [], [], None)


def bring(record, wanted, look):
    """Open what is wanted, and take back what was opened before; returns the rules that come and that go."""
    before = opened_before(record)
    firewall = KINDS[wanted["kind"]](wanted["place"])
    # The zones of firewalld stand with each rule.
    moved = before["kind"] != wanted["kind"] or (wanted["kind"] == "nftables" and before["place"] != firewall.place)
    came, went, steps, owned = firewall.plan(wanted["rules"], NOTHING if moved else before)
    if moved:
        taken = to_take_back(before)
        went, steps = went + taken.went, steps + taken.steps
    opened = {"kind": wanted["kind"], "place": firewall.place, "rules": wanted["rules"]}
    if owned is not None:
        # Only what the role has added is its own to take back; in a chain of nftables the comment tells.
        opened["owned"] = [list(each) for each in owned]
    # Written first: what stands in the record is taken back, whatever becomes of this run.
    changed = keep_record(record, firewall, opened, look)
    for command, text in [] if look else steps:
        must(*command, text=text)
    return came, went, changed or bool(steps)


def main():
    record, document = sys.argv[1:]
    wanted = {**NOTHING, **json.loads(document)}
    wanted["rules"] = [as_seen(rule) for rule in wanted["rules"]]
    try:
        came, went, changed = bring(record, wanted, bool(wanted.get("look")))
    except Missing as error:
        kind = wanted["kind"]
        advice = f"Install {kind}, or set ntp_multicast_engine_firewall to none."
        print(f"ntp_multicast_engine_firewall is {kind}, and {error} {advice}")
        return 1
    except (Refused, OSError) as error:
        print(error)
        return 1
    print(json.dumps({"changed": changed, "rules": [f"+ {rule}" for rule in came] + [f"- {rule}" for rule in went]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
