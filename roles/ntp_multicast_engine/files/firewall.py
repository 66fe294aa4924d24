# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of this host's firewall for the engine: open what is wanted, and take back what was opened before.

What was opened stands in a record beside the engine's configuration. It is kept and put back with it, so that a
generation is put back with its rules.
Arguments: the record, and a document with `kind` (none, nftables or firewalld), `rules`, `place` (family, table and
chain, or the zone of firewalld), and `look`, with which nothing is changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys

NAME = "ntp-multicast-engine"
NOTHING = {"kind": "none", "place": [], "rules": []}
INCLUDED = "firewall.nft"
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


class Nothing:
    """No firewall that the role has to do with."""

    def __init__(self, _place):
        self.place = []

    def plan(self, _wanted, _owned):
        return [], [], []

    def text(self, _rules):
        return None


class Nftables:
    """A chain. What is ours has a comment that says so, and what it says."""

    def __init__(self, place):
        self.place = place

    def plan(self, wanted, owned):
        """All rules anew, at once, unless they are there in this order: rules that come, that go, and how."""
        if not wanted and run("nft", "list", "chain", *self.place).returncode != 0:
            return [], [], []
        present = self.present()
        there = [comment for _handle, comment in present]
        if there == [comment_of(rule) for rule in wanted]:
            return [], [], []
        chain = " ".join(self.place)
        lines = [f"delete rule {chain} handle {handle}" for handle, _comment in present]
        lines += [f'insert rule {chain} {rule} comment "{comment_of(rule)}"' for rule in reversed(wanted)]
        text = "\n".join(lines) + "\n"
        must("nft", "--check", "--file", "-", text=text)
        told = {comment_of(rule): rule for rule in owned}
        went = [told.get(comment, comment) for comment in there if comment not in map(comment_of, wanted)]
        came = [rule for rule in wanted if comment_of(rule) not in there]
        return came if came or went else wanted, went, [(["nft", "--file", "-"], text)]

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
    """A zone of firewalld, as it is now and as it is after a start. Rules are in the form in which it lists them."""

    def __init__(self, place):
        zone = run("firewall-cmd", "--get-default-zone")
        self.ways = [["firewall-cmd"], ["firewall-cmd", "--permanent"]]
        if zone.returncode != 0:
            self.ways = [["firewall-offline-cmd"]]
            zone = run("firewall-offline-cmd", "--get-default-zone")
        self.place = place or [zone.stdout.strip()]

    def plan(self, wanted, owned):
        if wanted and len(self.ways) == 1:
            raise Refused(
                "ntp_multicast_engine_firewall is firewalld, and firewalld does not run on this host. Start it, or set "
                "ntp_multicast_engine_firewall to none."
            )
        came, went, steps = [], [], []
        for way in self.ways:
            here = [*way, f"--zone={self.place[0]}"]
            present = must(*here, "--list-rich-rules").splitlines()
            add = [rule for rule in wanted if rule not in present]
            drop = [rule for rule in owned if rule in present and rule not in wanted]
            steps += [
                ([*here, *(f"--{option}-rich-rule={rule}" for rule in rules)], "")
                for option, rules in (("add", add), ("remove", drop))
                if rules
            ]
            came += [rule for rule in add if rule not in came]
            went += [rule for rule in drop if rule not in went]
        return came, went, steps

    def text(self, _rules):
        return None


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
        return KINDS[before["kind"]](before["place"]).plan([], before["rules"])
    except Missing:
        return [], [], []


def bring(record, wanted, look):
    """Open what is wanted, and take back what was opened before; returns the rules that come and that go."""
    before = opened_before(record)
    firewall = KINDS[wanted["kind"]](wanted["place"])
    moved = (before["kind"], before["place"]) != (wanted["kind"], firewall.place)
    owned = [] if moved else before["rules"]
    came, went, steps = firewall.plan(wanted["rules"], owned)
    if moved:
        _nothing, gone, more = to_take_back(before)
        went, steps = went + gone, steps + more
    # Only what the role has added is its own to take back; in a chain of nftables that is every rule with its comment.
    own = [rule for rule in wanted["rules"] if wanted["kind"] == "nftables" or rule in came or rule in owned]
    opened = {"kind": wanted["kind"], "place": firewall.place, "rules": own}
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
    except (Refused, OSError) as error:
        print(error)
        return 1
    print(json.dumps({"changed": changed, "rules": [f"+ {rule}" for rule in came] + [f"- {rule}" for rule in went]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
