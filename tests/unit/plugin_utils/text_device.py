# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device reduced to its text: lines replace or remove lines, and the automatic lines come and go (facts 1.1 to 1.5).

It knows nothing of the code under test. It stores a line by what identifies it, shows a key as a fresh ciphertext, and
takes a default group as the same entry whether it was typed or not.
"""

from __future__ import annotations

import itertools
import re

_IDENTITIES = (
    r"authentication enable",
    r"authentication-keyid \d+",
    r"(?:trusted|reliable) authentication-keyid \d+",
    r"refclock-master",
    r"unicast-(?:server|peer)(?: ipv6)? [0-9A-F.:]+",
    r"(?:ipv6 )?server disable",
    r"(?:ipv6 )?server source-interface all",
    r"server source-interface \S+",
    r"ipv6 server source-address \S+",
    r"multicast-(?:server|client) ipv6(?: [0-9A-F:]+)?",
    r"multicast-(?:server|client)(?: \d+\.\d+\.\d+\.\d+)?",
)
_OPTION = re.compile(r"(authentication-keyid|ttl|version|port) (\d+)")
_UPSTREAM_OPTION = re.compile(
    r"(authentication-keyid|version|source-interface|vpn-instance|maxpoll|minpoll) (\S+)|(preferred|preference|iburst)"
)
_AUTOMATIC = ("server disable", "ipv6 server disable")


class TextDevice:
    def __init__(
        self,
        word: str,
        *,
        prints_undo: bool = False,
        drops_defaults: bool = False,
        merges_options: bool = False,
        unicast: bool = False,
    ) -> None:
        self.word = self._word = word
        self._merges_options = merges_options  # what a line with fewer options does is unknown: fact 8.6
        self._prints_undo = prints_undo
        self._drops_defaults = drops_defaults
        self._lines: dict[tuple[str | None, str], str] = {}
        self._salt = itertools.count(1)
        if unicast:
            self.enter(
                [
                    "system-view",
                    f"{word} authentication-keyid 10 authentication-mode md5 Huawei-12345",
                    f"{word} unicast-server 10.0.0.1 authentication-keyid 10 iburst",
                    "commit",
                ]
            )

    def _bare(self) -> bool:
        return all(view is None and line.removeprefix("undo ") in _AUTOMATIC for view, line in self._lines)

    def enter(self, typed: list[str]) -> None:
        """Take lines from ``system-view`` to ``commit``."""
        if not typed:
            return
        assert typed[0] == "system-view" and typed[-1] == "commit", typed
        view: str | None = None
        was_bare = self._bare()
        said: set[str] = set()
        for line in typed[1:-1]:
            if line == "quit":
                assert view is not None
                view = None
            elif line.startswith("interface "):
                assert view is None
                view = line.removeprefix("interface ")
            else:
                said.add(self._line(line, view))
        if was_bare and not self._bare():
            for line in _AUTOMATIC:
                if line not in said:
                    self._lines[None, line] = line
        if not was_bare and self._bare():
            self._lines.clear()

    def _line(self, line: str, view: str | None) -> str:
        undo = line.startswith("undo ")
        rest = line.removeprefix("undo ")
        assert rest.startswith(self._word + " "), line
        rest = rest.removeprefix(self._word + " ")
        found = next((m for m in (re.match(f"(?:{i})(?= |$)", rest) for i in _IDENTITIES) if m), None)
        assert found, f"refused: {line}"
        identity = found.group().replace(" 224.0.1.1", "").replace(" FF0E::101", "")
        instance = re.search(r" vpn-instance \S+", rest)
        identity += instance.group() if instance else ""
        assert ("multicast" in identity) == (view is not None), (line, view)
        self._check(rest, identity, undo)
        before = self._lines.pop((view, identity), "")
        assert before or not (undo and "unicast" in identity), f"nothing to undo: {line}"
        self._lines.pop((view, f"undo {identity}"), None)
        if self._merges_options and "multicast-server" in identity:
            rest = self._merged(before, rest)
        if self._merges_options and "unicast-server" in identity:
            rest = self._merged_upstream(before, rest)
        if identity.endswith("server disable") and undo:
            if self._prints_undo:
                self._lines[view, f"undo {identity}"] = f"undo {identity}"
        elif identity.endswith("source-interface all"):
            if rest.endswith("enable"):
                self._lines[view, identity] = rest
        elif not undo:
            self._lines[view, identity] = self._printed(rest, identity)
        return identity

    def _merged(self, before: str, line: str) -> str:
        said = dict(_OPTION.findall(line))
        kept = [f"{name} {value}" for name, value in _OPTION.findall(before) if name not in said]
        return " ".join([line, *kept])

    def _merged_upstream(self, before: str, line: str) -> str:
        said = {found[0] or found[2] for found in _UPSTREAM_OPTION.findall(line)}
        kept = [" ".join(filter(None, found)) for found in _UPSTREAM_OPTION.findall(before)]
        return " ".join([line, *(option for option in kept if option.split()[0] not in said)])

    def _check(self, rest: str, identity: str, undo: bool) -> None:
        key = re.search(r"cast-server.* authentication-keyid (\d+)", rest)
        if key and not undo:
            assert (None, f"authentication-keyid {key.group(1)}") in self._lines, f"no such key: {rest}"
        if undo and re.fullmatch(r"authentication-keyid \d+", identity):
            users = [line for line in self._lines.values() if re.search(rf"(?:server|peer|1) .*\b{identity}\b", line)]
            assert not users, f"key in use: {users}"
        if re.match(r"(?:trusted|reliable) ", rest) and not undo:
            assert (None, rest.split(" ", 1)[1]) in self._lines, f"no such key: {rest}"

    def _printed(self, rest: str, identity: str) -> str:
        key = re.match(r"(authentication-keyid \d+ authentication-mode \S+) ", rest)
        if key:
            return f"{key.group(1)} cipher %^%#{next(self._salt):044d}%^%#"
        if "unicast-server" in identity and self._drops_defaults:
            return re.sub(r" (?:version 3|minpoll 6|maxpoll 10)(?![0-9])", "", rest)
        if "multicast" in identity:
            options = dict(_OPTION.findall(rest))
            if self._drops_defaults:
                defaults = {"ttl": "16", "version": "3", "port": "123"}
                options = {k: v for k, v in options.items() if defaults.get(k) != v}
            return " ".join([identity, *(f"{name} {value}" for name, value in options.items())])
        return rest

    def text(self) -> str:
        """What `display current-configuration` shows."""
        lines = ["!Software Version V300R023C00", "#", "sysname DeviceA", "#"]
        for view in dict.fromkeys(view for view, _unused in sorted(self._lines, key=lambda k: k[0] or "")):
            lines += ["#", f"interface {view}"] if view else []
            for (at, _unused), line in self._lines.items():
                if at == view:
                    undo = "undo " if line.startswith("undo ") else ""
                    lines.append(f"{' ' if view else ''}{undo}{self._word} {line.removeprefix('undo ')}")
        return "\r\n".join([*lines, "#", "return", ""])
