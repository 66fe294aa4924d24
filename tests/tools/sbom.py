# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials of a tarball: what it is, and what it needs where it runs (CycloneDX 1.6)."""

from __future__ import annotations

import datetime
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s*(?P<range>[<>=!~].*)?\Z")
LICENCES = {
    "ansible-core": "GPL-3.0-or-later",
    "paramiko": "LGPL-2.1-or-later",
    "jinja2": "BSD-3-Clause",
    "cryptography": "Apache-2.0 OR BSD-3-Clause",
}


def document(manifest: Mapping[str, Any], name: str, packed: bytes, root: Path, time: int) -> dict[str, Any]:
    """The same for the same tarball."""
    info = manifest["collection_info"]
    itself = collection(info, packed)
    needed = [*requirements(root)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, hashlib.sha256(packed).hexdigest())}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": itself,
            "properties": [{"name": "timecast:file", "value": name}],
        },
        "components": needed,
        "dependencies": [
            {"ref": itself["bom-ref"], "dependsOn": [item["bom-ref"] for item in needed]},
            *({"ref": item["bom-ref"]} for item in needed),
        ],
    }


def collection(info: Mapping[str, Any], packed: bytes) -> dict[str, Any]:
    return {
        "type": "application",
        "bom-ref": f"{info['namespace']}.{info['name']}",
        "group": info["namespace"],
        "name": info["name"],
        "version": info["version"],
        "description": info["description"],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(packed).hexdigest()}],
        "licenses": [{"license": {"id": "GPL-3.0-or-later"}}],
        "purl": f"pkg:generic/{info['namespace']}-{info['name']}@{info['version']}",
        "externalReferences": [
            {"type": "vcs", "url": info["repository"]},
            {"type": "issue-tracker", "url": info["issues"]},
        ],
    }


def requirements(root: Path) -> Iterator[dict[str, Any]]:
    """What has to be there. None of it is in the tarball, so that there is a range and no version."""
    wanted = dict(_named(line) for line in (root / "requirements.txt").read_text(encoding="utf-8").split("\n") if line)
    runtime = (root / "meta" / "runtime.yml").read_text(encoding="utf-8")
    found = re.search(r'^requires_ansible: "(?P<range>[^"]+)"', runtime, re.MULTILINE)
    if found is None:
        raise ValueError("meta/runtime.yml names no version of ansible-core")
    wanted["ansible-core"] = found["range"]
    for name, versions in sorted(wanted.items()):
        yield {
            "type": "library",
            "bom-ref": f"pypi:{name}",
            "name": name,
            "purl": f"pkg:pypi/{name}",
            "licenses": [{"expression": LICENCES[name]}],
            "scope": "required",
            "properties": [{"name": "timecast:versions", "value": versions}],
        }


def _named(line: str) -> tuple[str, str]:
    found = REQUIREMENT.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"requirements.txt: {line!r} is not understood")
    return found["name"], found["range"] or ""
