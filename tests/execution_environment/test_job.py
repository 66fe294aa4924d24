# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in the execution environment: ansible-runner starts podman, as AWX lets it, with the image that was built.

`make execution-environment` builds the image and runs this.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Iterator

import needs
import pytest
from integration.controller.controller import PASSWORD, SECRET, Controller, running_controller
from integration.controller.leaks import Leaks, ciphertexts_in

IMAGE = os.environ.get("NTP_MULTICAST_IMAGE", "")
# Where a build or a job could leave something.
PLACES = ["/etc", "/home", "/opt", "/root", "/runner", "/tmp", "/usr/share/ansible", "/usr/local", "/var"]

pytestmark = needs.unless("" if IMAGE else "no image was built; make execution-environment")


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Iterator[Controller]:
    with running_controller(tmp_path) as running:
        running.image = IMAGE
        yield running


def in_image(*command: str) -> str:
    line = ["podman", "run", "--rm", "--network=host", "--user=root", "--entrypoint", command[0], IMAGE, *command[1:]]
    return subprocess.run(line, capture_output=True, text=True, check=False).stdout


def test_the_image_has_what_the_collection_says_that_it_needs() -> None:
    asked = "ansible-galaxy collection list; python3 -c 'import paramiko, cryptography; print(paramiko)'; ssh -V 2>&1"
    told = in_image("sh", "-c", asked)
    assert "timecast.ntp_multicast" in told
    assert "<module 'paramiko'" in told
    assert "OpenSSH" in told


def test_a_job_in_the_image_applies_and_the_next_finds_no_drift(controller: Controller) -> None:
    first = controller.launch("site", "--diff")
    assert first.status == "successful", first.printed
    assert all(controller.device(host).secret(42) == SECRET for host in ("ce1", "ne1"))
    second = controller.launch("check_drift", variables={"ntp_multicast_report_directory": "/runner/artifacts/reports"})
    assert second.status == "successful", second.printed
    assert second.handed_on()["ntp_multicast_drift"]["exit_code"] == 0
    assert (second.folder / "artifacts" / "reports" / "drift.junit.xml").is_file()
    stored = [ciphertexts_in(controller.device(host).running_configuration()) for host in ("ce1", "ne1")]
    reports = second.folder / "artifacts" / "reports"
    for job in (first, second):
        assert Leaks((SECRET,), frozenset().union(*stored)).found([*job.written(), *reports.iterdir()]) == []
    assert in_image("grep", "-rlF", "-e", SECRET, "-e", PASSWORD, *PLACES) == ""
