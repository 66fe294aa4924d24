# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings of a host: what its results in check mode say is not as described, each thing once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .bounds import said
from .document import Finding, FindingKind, fingerprint
from .judgement import NamedResult, as_text, service_is

OF_DEVICE = "ntp_multicast_result"
_OF_ENGINE = "__ntp_multicast_engine_"

# What a result of the role for Linux is about, by the variable in which it is registered.
_OF_LINUX: Mapping[str, tuple[FindingKind, str, str]] = {
    "keys_written": (FindingKind.KEY_FILE_CHANGED, "/etc/ntp-multicast-engine/keys", "{line} is not as described."),
    "configured": (
        FindingKind.CONFIGURATION_CHANGED,
        "/etc/ntp-multicast-engine/engine.json",
        "{line} is not as described.",
    ),
    "described": (
        FindingKind.UNIT_CHANGED,
        "/etc/systemd/system/ntp-multicast-engine.service",
        "{line} is not as described.",
    ),
    "helper_described": (
        FindingKind.UNIT_CHANGED,
        "/etc/systemd/system/ntp-multicast-engine-clock.service",
        "{line} is not as described.",
    ),
    "helper_removed": (
        FindingKind.UNIT_CHANGED,
        "/etc/systemd/system/ntp-multicast-engine-clock.service",
        "{line} is there and not described.",
    ),
    "installed": (
        FindingKind.ENGINE_CHANGED,
        "/usr/local/lib/ntp-multicast-engine",
        "The engine's program in {line} is not that of this collection.",
    ),
}
# Nothing of its own: it follows from what is found besides.
_FOLLOWS = frozenset({"restarted"})
_SERVICE = "ntp-multicast-engine.service"


def finding(host: str, kind: FindingKind, line: str, text: str) -> Finding:
    """A finding with its fingerprint."""
    return Finding(kind, said(line), said(text), fingerprint=fingerprint(host, kind, line))


def findings_of(host: str, results: Iterable[NamedResult]) -> list[Finding]:
    """What is not as described on a host that was seen. Every result that would change something has a finding."""
    found: dict[str, Finding] = {}
    for entry in results:
        for one in _of_result(host, entry):
            found.setdefault(one.fingerprint, one)
    return list(found.values())


def _of_result(host: str, entry: NamedResult) -> Iterator[Finding]:
    for key in entry.result.get("keys_not_compared") or ():
        yield finding(host, FindingKind.KEY_NOT_COMPARED, f"key {key}", f"Key {key} could not be compared.")
    if not entry.result.get("changed"):
        return
    if entry.of.startswith(_OF_ENGINE):
        yield from _of_host(host, entry.of.removeprefix(_OF_ENGINE), entry.result)
        return
    told = [*_of_keys(host, entry.result), *_of_lines(host, entry.result)]
    yield from told or [finding(host, FindingKind.HOST_CHANGED, "", "Something is not as described.")]


# -- Linux -------------------------------------------------------------------------------------------------------------


def _of_host(host: str, name: str, result: Mapping[str, Any]) -> Iterator[Finding]:
    if name in _FOLLOWS:
        return
    if name == "running":
        yield finding(host, FindingKind.SERVICE_NOT_RUNNING, _SERVICE, f"{_SERVICE} {service_is(result)}.")
        return
    if name in _OF_LINUX:
        kind, line, text = _OF_LINUX[name]
        yield finding(host, kind, line, text.format(line=line))
        return
    what = str(result.get("dest") or result.get("path") or result.get("name") or name.replace("_", " "))
    yield finding(host, FindingKind.HOST_CHANGED, what, f"{what} is not as described.")


# -- devices -----------------------------------------------------------------------------------------------------------


def keys_changed(results: Iterable[NamedResult]) -> tuple[int, ...]:
    """The keys that somebody has changed on the device."""
    return tuple(sorted(key for entry in results for key, reason in _keys(entry.result) if reason == _BY_HAND))


_BY_HAND = "changed_on_device"
_KEY_TEXTS = {
    "created": "Key {id} is not on the device.",
    "algorithm": "Key {id} has another algorithm on the device.",
    _BY_HAND: "Key {id} was changed on the device since it was written.",
    "rotated": "Key {id} has a new secret, which the device does not have yet.",
    "always": "Key {id} would be written, since nothing is remembered of it and update_secrets is always.",
}


def _keys(result: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    for entry in result.get("keys_written") or ():
        if isinstance(entry, Mapping):
            yield int(entry["id"]), str(entry.get("reason"))


def _of_keys(host: str, result: Mapping[str, Any]) -> Iterator[Finding]:
    for key, reason in _keys(result):
        kind = FindingKind.KEY_CHANGED if reason == _BY_HAND else FindingKind.KEY_TO_WRITE
        yield finding(host, kind, f"key {key}", _KEY_TEXTS.get(reason, "Key {id} would be written.").format(id=key))


def _of_lines(host: str, result: Mapping[str, Any]) -> Iterator[Finding]:
    """The lines that differ; those of keys that are told already are left out."""
    told = {f"key {key}" for key, _reason in _keys(result)}
    diffs = result.get("diff") or []
    for diff in [diffs] if isinstance(diffs, Mapping) else diffs:
        before = Counter(lines_in_views(as_text(diff.get("before"))))
        after = Counter(lines_in_views(as_text(diff.get("after"))))
        for present, wanted in paired(list((before - after).elements()), list((after - before).elements())):
            if _key_of((wanted or present or _NOTHING)[1]) not in told:
                yield from _of_pair(host, present, wanted)


_Line = tuple[str, str]
_NOTHING: _Line = ("", "")


def lines_in_views(text: str) -> Iterator[_Line]:
    """The lines of a configuration text, each with its interface; the line that enters the view is left out."""
    view = ""
    for line in text.splitlines():
        if not line.startswith(" "):
            view = line.removeprefix("interface ") if line.startswith("interface ") else ""
        if line.strip() not in ("", "#") and not line.startswith("interface "):
            yield view, line.strip()


def subject(line: str) -> str:
    """What a line is about, without its values: `ntp multicast-server 224.0.1.1`, `ntp refclock-master`."""
    words = line.removeprefix("undo ").split()
    if "refclock-master" in words:
        return " ".join(words[: words.index("refclock-master") + 1])
    for number, word in enumerate(words):
        if word != "ipv6" and any(character.isdigit() or character == ":" for character in word):
            return " ".join(words[: number + 1])
    return " ".join(words)


def paired(present: Sequence[_Line], wanted: Sequence[_Line]) -> Iterator[tuple[_Line | None, _Line | None]]:
    """The lines that are there and those that are wanted; the two together that are about the same."""
    left = list(wanted)
    for line in present:
        same = next((other for other in left if (other[0], subject(other[1])) == (line[0], subject(line[1]))), None)
        if same is not None:
            left.remove(same)
        yield line, same
    yield from ((None, line) for line in left)


def _key_of(line: str) -> str:
    words = subject(line).split()
    return f"key {words[2]}" if len(words) > 2 and words[1] == "authentication-keyid" else ""


def _of_pair(host: str, present: _Line | None, wanted: _Line | None) -> Iterator[Finding]:
    if present is not None and wanted is not None:
        what = _located((wanted[0], subject(wanted[1])))
        text = f"{what}: the device has '{present[1]}', described is '{wanted[1]}'."
        yield finding(host, FindingKind.LINE_DIFFERENT, what, text)
    elif wanted is not None:
        line = _located(wanted)
        yield finding(host, FindingKind.LINE_MISSING, line, f"{line} is described and not on the device.")
    elif present is not None:
        line = _located(present)
        yield finding(host, FindingKind.LINE_EXTRA, line, f"{line} is on the device and not described.")


def _located(line: _Line) -> str:
    return f"{line[1]} (interface {line[0]})" if line[0] else line[1]
