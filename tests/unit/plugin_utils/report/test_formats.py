# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every view of a document is valid in its format, and tells exactly what the document tells."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree

import jsonschema
import needs
import pytest
from fixtures.places import COLLECTED, FIXTURES
from fixtures.reports import examples, hostile

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import (
    STATES,
    Document,
    FindingKind,
    Kind,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS, file_name
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.junit import xml_text
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.markdown import fenced, plain_text
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.prometheus import METRICS

DOCUMENTS = {
    "drift": examples.drift(),
    "verify": examples.verify(),
    "many of drift": examples.drawn(Kind.DRIFT, 400),
    "many of verify": examples.drawn(Kind.VERIFY, 400),
    "nobody": examples.document(Kind.DRIFT, [], examples.Domain()),
}
each_document = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
# What the form allows: attributes that have to be there and that may, and the elements inside.
JUNIT = json.loads((FIXTURES / "reports" / "junit-form.json").read_text(encoding="utf-8"))
SARIF = json.loads((FIXTURES / "reports" / "sarif-form.json").read_text(encoding="utf-8"))


def schema_of_jenkins() -> Any:
    """More than the project's own form, where it was collected and its judge is in the environment."""
    schema = COLLECTED / "schemas" / "junit-10.xsd"
    if not schema.exists() or find_spec("xmlschema") is None:
        return None
    return import_module("xmlschema").XMLSchema(str(schema))


JUNIT_OF_JENKINS = schema_of_jenkins()


def failing(document: Document) -> set[str]:
    return {host.name for host in document.hosts if document.fails(host)}


def wrong_in(element: ElementTree.Element) -> list[str]:
    form = JUNIT[element.tag]
    given = set(element.attrib)
    wrong = [f"{element.tag}: {name} is missing" for name in set(form["required"]) - given]
    wrong += [f"{element.tag}: {name} is none" for name in given - {*form["required"], *form["optional"]}]
    wrong += [f"{element.tag}: {child.tag} inside" for child in element if child.tag not in form["inside"]]
    return wrong + [problem for child in element for problem in wrong_in(child)]


@each_document
def test_junit_is_in_its_form_and_fails_who_fails(document: Document) -> None:
    made = FORMATS["junit"](document)
    suites = ElementTree.fromstring(made)
    assert wrong_in(suites) == []
    if JUNIT_OF_JENKINS:
        JUNIT_OF_JENKINS.validate(made)
    cases = suites.findall("./testsuite/testcase")
    assert [case.get("name") for case in cases] == [host.name for host in document.hosts]
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    errors = {case.get("name") for case in cases if case.find("error") is not None}
    assert failed | errors == failing(document)
    assert (suites.get("failures"), suites.get("errors")) == (str(len(failed)), str(len(errors)))


@each_document
def test_sarif_is_in_its_form_and_tells_each_finding(document: Document) -> None:
    made = json.loads(FORMATS["sarif"](document))
    jsonschema.Draft202012Validator(SARIF).validate(made)
    collected = COLLECTED / "schemas" / "sarif-schema-2.1.0.json"
    if collected.exists():
        jsonschema.Draft4Validator(json.loads(collected.read_text(encoding="utf-8"))).validate(made)
    (run,) = made["runs"]
    expected = [
        (finding.kind.value, finding.fingerprint, finding.allowed)
        for host in document.hosts
        for finding in host.findings
    ]
    shown = [
        (entry["ruleId"], entry["partialFingerprints"]["ntpMulticastFinding/v1"], "suppressions" in entry)
        for entry in run["results"]
    ]
    assert shown == expected
    assert run["invocations"][0]["exitCode"] == document.exit_code
    rules = run["tool"]["driver"]["rules"]
    assert [rules[entry["ruleIndex"]]["id"] for entry in run["results"]] == [entry[0] for entry in expected]


def test_sarif_points_at_the_inventory() -> None:
    (run,) = json.loads(FORMATS["sarif"](examples.drift()))["runs"]
    places = [entry["locations"][0].get("physicalLocation") for entry in run["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "inventory/group_vars/servers.yml"},
        "region": {"startLine": 12},
    }
    assert {entry["ruleId"] for entry in run["results"]} <= {kind.value for kind in FindingKind}


@pytest.mark.parametrize(("keys_count", "level"), [(False, "note"), (True, "error")])
def test_sarif_makes_an_error_of_a_key_that_counts(keys_count: bool, level: str) -> None:
    document = dataclasses.replace(examples.drift(), keys_count=keys_count)
    (run,) = json.loads(FORMATS["sarif"](document))["runs"]
    assert {entry["level"] for entry in run["results"] if entry["ruleId"] == "key_not_compared"} == {level}


@each_document
def test_markdown_names_who_fails_and_fits_into_a_note(document: Document) -> None:
    text = FORMATS["md"](document)
    assert len(text) < 65536
    assert f"(exit code {document.exit_code.value})" in text
    rows = set(re.findall(r"^\| (\w+) \| [a-z ,]+ \|", text, re.MULTILINE)) - {"host"}
    if len(document.hosts) < 100:
        assert rows >= failing(document)
    assert text.count("<details>") == text.count("</details>")


def test_markdown_says_what_does_not_fit() -> None:
    text = FORMATS["md"](examples.drawn(Kind.DRIFT, 5000))
    assert len(text) < 65536
    assert re.search(r"\d+ more hosts do not fit in here", text)


def test_markdown_shows_texts_as_they_are() -> None:
    assert plain_text("a <b> | `c`\n@d *e*") == "a &lt;b&gt; \\| \\`c\\` &#64;d \\*e\\*"
    assert fenced(["+ ```` here"], "diff")[0] == "`````diff"


@each_document
def test_prometheus_takes_the_metrics(document: Document) -> None:
    text = FORMATS["prom"](document)
    line = re.compile(r'(\w+)\{kind="\w+"(?:,\w+="(?:[^"\\\n]|\\["\\n])*")*\} (?:-?[\d.]+(?:e-?\d+)?)')
    samples = [entry for entry in text.splitlines() if not entry.startswith("#")]
    assert all(line.fullmatch(entry) for entry in samples), samples
    assert len(samples) == len({entry.rpartition(" ")[0] for entry in samples})
    assert {line.fullmatch(entry)[1] for entry in samples} <= set(METRICS)  # type: ignore[index]
    assert f'ntp_multicast_report_exit_code{{kind="{document.kind.value}"}} {document.exit_code.value}\n' in text


@needs.commands("promtool")
@each_document
def test_promtool_takes_the_metrics(document: Document) -> None:
    text = FORMATS["prom"](document)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_names_that_need_care_come_through_every_format() -> None:
    odd = 'a"b\\c<d>&e|f`\x07'
    document = examples.drift()
    hosts = tuple(dataclasses.replace(host, name=odd, reason=f"{odd}\n```") for host in document.hosts)
    document = dataclasses.replace(document, hosts=hosts)
    for name, render in FORMATS.items():
        text = render(document)
        if name == "junit":
            ElementTree.fromstring(text)
        elif name in ("json", "sarif"):
            json.loads(text)
        elif name == "prom":
            assert 'host="a\\"b\\\\c<d>&e|f`' in text


def test_xml_takes_no_control_characters() -> None:
    assert xml_text("a\x00b\x1b\tc\ufffe") == "a\\x00b\\x1b\tc\\xfffe"


def test_the_files_have_the_names_that_are_promised() -> None:
    names = {name: file_name(Kind.DRIFT, name) for name in ("json", "junit", "sarif", "md", "html", "prom")}
    assert list(names.values()) == [
        "drift.json",
        "drift.junit.xml",
        "drift.sarif",
        "drift.md",
        "drift.html",
        "drift.prom",
    ]
    assert set(FORMATS) <= set(names)


STEERING = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\ud800-\\udfff]"
)


def hostile_document(kind: Kind) -> Document:
    document = hostile.document(kind)
    first = dataclasses.replace(document.hosts[0], name="ce1 " + "".join(hostile.ATTEMPTS))
    return dataclasses.replace(document, generated=examples.drift().generated, hosts=(first, *document.hosts[1:]))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"json"}))
def test_no_name_steers_what_shows_it(kind: Kind, name: str) -> None:
    text = FORMATS[name](hostile_document(kind))
    assert STEERING.findall(text) == []
    assert text.encode("utf-8").decode("utf-8") == text
    assert "\\u{202e}" in text.replace("\\\\", "\\")


@pytest.mark.parametrize("kind", list(Kind))
def test_hostile_texts_keep_every_format_valid(kind: Kind) -> None:
    document = hostile_document(kind)
    told = json.loads(FORMATS["json"](document).encode("utf-8"))
    assert [host["name"] for host in told["hosts"]] == [host.name for host in document.hosts]
    suites = ElementTree.fromstring(FORMATS["junit"](document))
    assert wrong_in(suites) == []
    assert len(suites.findall("./testsuite/testcase")) == len(document.hosts)
    jsonschema.Draft202012Validator(SARIF).validate(json.loads(FORMATS["sarif"](document)))
    test_prometheus_takes_the_metrics(document)


@pytest.mark.parametrize("kind", list(Kind))
def test_hostile_texts_stay_in_their_cell_and_in_their_fence(kind: Kind) -> None:
    text = FORMATS["md"](hostile_document(kind))
    outside = re.sub(r"^(```+)diff\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    outside = re.sub(r"^Run `[^`\n]*`", "", outside, flags=re.MULTILINE)
    assert set(re.findall(r"<[^>]*>", outside)) <= {"<details>", "</details>", "<summary>", "</summary>"}
    rows = [line for line in outside.splitlines() if line.startswith("| ") and "--" not in line]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4, 1 + len(STATES[kind])}
