# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document of a report is what its published schema says, and its figures are those of its hosts."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import jsonschema
import pytest
from fixtures.places import FIXTURES, REPOSITORY
from fixtures.reports import examples

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import (
    FINDING_TEXTS,
    STATES,
    Document,
    ExitCode,
    FindingKind,
    Host,
    Kind,
    Platform,
    State,
    exit_code_of,
    fingerprint,
)

SCHEMA = json.loads((REPOSITORY / "docs" / "schemas" / "report-1.schema.json").read_text(encoding="utf-8"))
EXAMPLES = {
    "drift": examples.drift(),
    "verify": examples.verify(),
    "thousand of drift": examples.drawn(Kind.DRIFT),
    "thousand of verify": examples.drawn(Kind.VERIFY),
}


@pytest.mark.parametrize("document", EXAMPLES.values(), ids=EXAMPLES)
def test_a_document_is_as_the_schema_says(document: Document) -> None:
    judge = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in judge.iter_errors(document.as_data())] == []


def test_the_schema_refuses_what_is_no_document() -> None:
    judge = jsonschema.Draft202012Validator(SCHEMA)
    good = examples.drift().as_data()
    for wrong in ({**good, "version": 2}, {**good, "exit_code": 1}, {**good, "kind": "else"}, {"version": 1}):
        assert not judge.is_valid(wrong)


def test_the_published_schema_is_made_from_the_classes() -> None:
    tool = REPOSITORY / "tests" / "tools" / "report_schema"
    done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", [examples.drift(), examples.verify()], ids=lambda document: document.kind.value)
def test_the_example_files_are_the_examples(document: Document) -> None:
    kept = FIXTURES / "reports" / f"{document.kind.value}.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == document.as_data()


def test_the_examples_have_every_state_and_every_drawn_one_is_the_same() -> None:
    for kind, document in ((Kind.DRIFT, examples.drift()), (Kind.VERIFY, examples.verify())):
        assert {host.state for host in document.hosts} == set(STATES[kind])
    assert examples.drawn(Kind.VERIFY, 60) == examples.drawn(Kind.VERIFY, 60)


def test_every_kind_of_finding_has_its_text() -> None:
    assert set(FINDING_TEXTS) == set(FindingKind)


def host(state: State, *, allowed: bool = False) -> Host:
    return Host("h", Platform.VRP, state, allowed=allowed)


@pytest.mark.parametrize(
    ("states", "keys_count", "code"),
    [
        ([], False, ExitCode.IN_SYNC),
        ([State.IN_SYNC, State.KEYS_NOT_COMPARED], False, ExitCode.IN_SYNC),
        ([State.IN_SYNC, State.KEYS_NOT_COMPARED], True, ExitCode.KEYS_NOT_COMPARED),
        ([State.DRIFTED, State.KEYS_NOT_COMPARED], True, ExitCode.DRIFTED),
        ([State.UNSYNCHRONISED, State.SYNCHRONISED], False, ExitCode.DRIFTED),
        ([State.DRIFTED, State.UNREACHABLE], False, ExitCode.UNREACHABLE),
        ([State.DRIFTED, State.UNREACHABLE, State.FAILED], False, ExitCode.FAILED),
    ],
)
def test_the_first_of_failed_unreachable_drifted_keys_counts(
    states: list[State], keys_count: bool, code: ExitCode
) -> None:
    assert exit_code_of(tuple(map(host, states)), keys_count=keys_count) is code


def test_a_host_that_is_allowed_fails_nothing() -> None:
    assert exit_code_of((host(State.DRIFTED, allowed=True),)) is ExitCode.IN_SYNC


def test_a_fingerprint_tells_findings_apart_and_is_the_same_again() -> None:
    first = fingerprint("ce1", FindingKind.LINE_MISSING, "ntp refclock-master 2")
    assert first == fingerprint("ce1", FindingKind.LINE_MISSING, "ntp refclock-master 2")
    assert len({first, fingerprint("ce2", FindingKind.LINE_MISSING, "ntp refclock-master 2")}) == 2
    assert first != fingerprint("ce1", FindingKind.LINE_EXTRA, "ntp refclock-master 2")


def test_no_field_is_without_a_text() -> None:
    for described in SCHEMA["$defs"].values():
        assert all(field["description"] for field in described["properties"].values())
    assert [field.name for field in dataclasses.fields(Document) if not field.metadata.get("text")] == []
