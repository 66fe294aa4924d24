# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as JUnit XML, in the form that Jenkins (junit-10.xsd of its xUnit plugin) and GitLab read.

A host is a test case: drifted or not synchronised is a failure, unreachable or failed is an error.
"""

from __future__ import annotations

from xml.etree import ElementTree

from .document import WELL, Document, Host, State
from .words import details, headline, state_words

_ERRORS = frozenset({State.UNREACHABLE, State.FAILED})


def as_junit(document: Document) -> str:
    """The whole file."""
    failing = [host for host in document.hosts if document.fails(host)]
    errors = sum(host.state in _ERRORS for host in failing)
    figures = {
        "tests": str(len(document.hosts)),
        "failures": str(len(failing) - errors),
        "errors": str(errors),
    }
    name = f"ntp_multicast.{document.kind.value}"
    suites = ElementTree.Element("testsuites", {"name": name, **figures})
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": name, **figures, "skipped": "0", "timestamp": document.generated.rstrip("Z")}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (
        ("run_id", document.run_id),
        ("exit_code", str(document.exit_code.value)),
        ("result", headline(document)),
        ("format_version", str(document.version)),
    ):
        ElementTree.SubElement(properties, "property", {"name": key, "value": xml_text(value)})
    for host in document.hosts:
        _test_case(suite, document, host)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _test_case(suite: ElementTree.Element, document: Document, host: Host) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "name": xml_text(host.name),
            "classname": f"ntp_multicast.{document.kind.value}.{host.platform.value}",
        },
    )
    text = xml_text("\n".join(details(host)))
    if document.fails(host):
        outcome = ElementTree.SubElement(
            case,
            "error" if host.state in _ERRORS else "failure",
            {"type": host.state.value, "message": xml_text(f"{host.name} {state_words(host)}: {host.reason}")},
        )
        outcome.text = text
    elif host.state not in WELL:
        ElementTree.SubElement(case, "system-out").text = text


def xml_text(text: str) -> str:
    """The text with what XML 1.0 does not take (section 2.2) written out."""
    return "".join(character if _is_taken(ord(character)) else f"\\x{ord(character):02x}" for character in text)


def _is_taken(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF
