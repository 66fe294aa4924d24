# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What README and the guides name is there: plugins, roles, playbooks, variables and files."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.preflight import known_variables
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.prometheus import METRICS

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "docs" / "awx" / "README.md",
    *sorted(
        path
        for path in (ROOT / "docs" / "docsite" / "rst").glob("*.rst")
        if not path.name.startswith("reference_facts")
    ),
    *sorted((ROOT / "roles").glob("*/README.md")),
]
PLUGINS = {path.stem for path in ROOT.glob("plugins/*/*.py")}
ROLES = {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
THINGS = PLUGINS | ROLES | PLAYBOOKS
# Names that are made by the reader, or belong to the systems around.
OTHERS = {
    "ntp_multicast_site",
    "ntp_multicast_verify",
    "ntp_multicast_check_drift",
    "ntp_multicast_key_memory",
    "ntp_multicast_drift",
    "ntp_multicast_alerts",
    "ntp_multicast_action",
    "ntp_multicast_dashboard",
    "ntp_multicast_engine_",
    "ntp_multicast_interface",
    "ntp_multicast_",
}
NAMES = re.compile(r"timecast\.ntp_multicast\.(\w+)")
VARIABLES = re.compile(r"(?<![\w.])(ntp_multicast_\w+)")
LINKS = re.compile(r"\]\(([^)#]+)")
# What docs/awx/load.yml takes; nothing on a host reads them.
OF_THE_LOADER = frozenset(VARIABLES.findall((ROOT / "docs" / "awx" / "load.yml").read_text(encoding="utf-8")))
HOME = "https://github.com/timecast/ansible-collection-ntp-multicast/"

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@each_document
def test_every_full_name_is_something_of_the_collection(path: pathlib.Path) -> None:
    others = {"docsite", "vrp", "NAME", "vrp_ssh_connection", "ntp_multicast_alerts"}
    found = set(NAMES.findall(path.read_text(encoding="utf-8"))) - others
    assert found <= THINGS


@each_document
def test_every_variable_is_one_of_the_collection(path: pathlib.Path) -> None:
    found = set(VARIABLES.findall(path.read_text(encoding="utf-8"))) - THINGS - OTHERS - set(METRICS)
    metrics = {name for name in found if path.name.startswith(("guide_linux_engine", "reference_engine"))}
    assert found - metrics - OF_THE_LOADER <= known_variables()


def test_the_table_of_readme_has_what_the_collection_has() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What is in it")[2].partition("\n## ")[0]
    named = {
        name
        for line in table.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    fragments = {path.stem for path in ROOT.glob("plugins/doc_fragments/*.py")}
    assert named == THINGS - fragments - {"__init__"}


def test_links_of_readme_are_absolute_and_lead_to_files() -> None:
    links = LINKS.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert link.startswith("https://"), link
        inside = re.sub(r"^(?:blob|tree|raw)/main/", "", link.removeprefix(HOME))
        if link.startswith(HOME) and inside != "issues":
            assert (ROOT / inside).exists(), link


def test_the_first_commands_of_readme_need_no_checkout() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").partition("```bash\n")[2].partition("```")[0]
    assert "make " not in first
    assert "requirements.txt" not in first


def test_what_readme_prints_is_what_the_tutorial_prints() -> None:
    """And that is held against a run."""
    page = (ROOT / "docs" / "docsite" / "rst" / "guide_quickstart.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"```text\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 4
    for line in "".join(blocks).splitlines():
        assert line in page, line
