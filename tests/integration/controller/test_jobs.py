# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as jobs of an automation controller: ansible-runner with what AWX gives it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import ansible
import pytest

from vrp_simulator.testing import RunningDevice

from .controller import CIPHERTEXT, PASSPHRASE, PASSWORD, SECRET, Controller, Job, running_controller

# ansible-runner itself writes the environment of the job there, with the login. AWX deletes the folder after the job.
OF_THE_RUNNER = "command"
MEMORY_IS_LOST = "What is remembered of the keys ends with this job"


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Iterator[Controller]:
    with running_controller(tmp_path) as running:
        yield running


def is_whole(device: RunningDevice) -> bool:
    """Whether nobody has left anything on the device that is not finished."""
    return not device.pending() and device.lock_owner() is None and not device.trial_active()


def check_no_secret(*jobs: Job) -> None:
    """Neither in events nor in what was printed nor in the fact cache."""
    for job in jobs:
        looked_at = 0
        for path, text in job.written():
            logins = () if path.name == OF_THE_RUNNER else (PASSWORD, PASSPHRASE)
            assert not [secret for secret in (SECRET, *logins) if secret in text], path
            assert not CIPHERTEXT.search(text), path
            looked_at += 1
        assert looked_at > 10, "there are the events, at least"


def configured(device: RunningDevice) -> bool:
    return " multicast-" in device.running_configuration() and device.secret(42) == SECRET


def test_jobs_apply_and_then_find_no_drift_and_leave_no_secret(controller: Controller) -> None:
    first = controller.launch("site", "--diff", "-vvv", fact_cache=True)
    assert first.status == "successful", first.printed
    assert set(first.statistics()["changed"]) == {"ce1", "ne1"}
    assert all(configured(controller.device(host)) and is_whole(controller.device(host)) for host in ("ce1", "ne1"))
    lines = {host: len(controller.device(host).commands()) for host in ("ce1", "ne1")}
    assert all(lines.values())

    strict = {"ntp_multicast_require_compared_keys": True}
    second = controller.launch("check_drift", "--diff", "-vvv", variables=strict, fact_cache=True)
    if tuple(map(int, ansible.__version__.split(".")[:2])) >= (2, 19):
        # What AWX looks for is not there, and the job before has said so.
        assert MEMORY_IS_LOST in first.printed.replace("\r\n", " ")
        assert controller.facts == {}
        assert second.failed_hosts() == ["ce1", "ne1"], second.printed
        assert "could not be compared" in second.printed
    else:
        assert second.status == "successful", second.printed
    check_no_secret(first, second)


def test_a_file_on_a_volume_remembers_keys_from_job_to_job(controller: Controller) -> None:
    kept = {
        "ntp_multicast_key_memory_file": str(controller.directory / "volume" / "keys.json"),
        "ntp_multicast_require_compared_keys": True,
    }
    first = controller.launch("site", variables=kept)
    assert first.status == "successful", first.printed
    assert MEMORY_IS_LOST not in first.printed
    # What a job hands on comes to the jobs after it in a workflow as extra variables.
    second = controller.launch("check_drift", variables={**kept, **first.handed_on()})
    assert second.status == "successful", second.printed
    assert second.handed_on()["ntp_multicast_drift"]["exit_code"] == 0
    third = controller.launch("site", variables={**kept, **second.handed_on()})
    assert third.status == "successful", third.printed
    assert "no variable of this collection" not in third.printed
    assert third.statistics()["changed"] == {}
    check_no_secret(first, second, third)


def test_a_password_comes_through_the_prompt_and_a_key_through_a_file(controller: Controller) -> None:
    asked = controller.launch(
        "site",
        "-u",
        "netops",
        "--ask-pass",
        "--check",
        "--limit",
        "ne1",
        network={},
        passwords={r"SSH password:\s*?$": PASSWORD},
    )
    assert asked.status == "successful", asked.printed
    key = str(controller.directory / "ssh_key_of_a_credential")
    keyed = controller.launch(
        "site",
        "--limit",
        "ne1",
        network={
            "ANSIBLE_NET_USERNAME": "keyed",
            "ANSIBLE_NET_PASSWORD": PASSPHRASE,
            "ANSIBLE_NET_SSH_KEYFILE": key,
        },
    )
    assert keyed.status == "successful", keyed.printed
    attempts = controller.device("ne1").attempts()
    assert {(attempt.user, attempt.answers) for attempt in attempts} == {("netops", (PASSWORD,))}, (
        "nobody logs in as root, which AWX names with -u, nor sends the passphrase of a key"
    )
    assert configured(controller.device("ne1"))
    assert controller.device("ce1").attempts() == []
    check_no_secret(asked, keyed)


def test_a_slice_looks_at_its_share_and_at_nobody_else(controller: Controller) -> None:
    allowed = {"ntp_multicast_allow_none": True, "ntp_multicast_hosts": "ne1"}
    of_ce1 = controller.launch("check_drift", variables=allowed, inventory=controller.sliced(1, 2))
    assert of_ce1.status == "successful", of_ce1.printed
    assert not any(device.attempts() for device in controller.devices.values())
    of_ne1 = controller.launch("check_drift", variables=allowed, inventory=controller.sliced(2, 2))
    assert of_ne1.failed_hosts() == ["ne1"], of_ne1.printed
    assert "drifted" in of_ne1.printed
    assert controller.device("ce1").attempts() == []
    assert not [entry for entry in controller.device("ne1").commands() if entry["kind"] == "configuration"]


def test_a_device_with_a_foreign_host_key_fails_and_the_job_is_launched_again_on_it_alone(
    controller: Controller,
) -> None:
    known = controller.directory / "project" / "known_hosts"
    right = known.read_text(encoding="utf-8")
    of_ce1 = f"[127.0.0.1]:{controller.device('ce1').port} "
    known.write_text("".join(line for line in right.splitlines(True) if not line.startswith(of_ce1)), encoding="utf-8")
    first = controller.launch("site")
    assert first.status == "failed"
    # Although AWX has switched the check off: the inventory has switched it on again.
    assert first.failed_hosts() == ["ce1"], first.printed
    assert "The host key of" in first.printed
    assert configured(controller.device("ne1"))
    assert PASSWORD not in str(controller.device("ce1").attempts())
    logins = len(controller.device("ne1").attempts())

    known.write_text(right, encoding="utf-8")
    again = controller.launch("site", "--limit", ",".join(first.failed_hosts()))
    assert again.status == "successful", again.printed
    assert configured(controller.device("ce1"))
    assert len(controller.device("ne1").attempts()) == logins, "nobody has touched it again"


def test_a_job_that_is_cancelled_in_a_commit_leaves_old_or_new_devices(controller: Controller) -> None:
    """Both devices are held where it is worst: one with lines in its candidate, one in the middle of the commit."""
    ce1, ne1 = controller.device("ce1"), controller.device("ne1")
    before = {device.name: device.running_configuration() for device in (ce1, ne1)}
    ce1.set_faults(hold="taken:multicast-server")
    ne1.set_faults(hold="during-commit")

    def held() -> bool:
        ce1.wait_until_held()
        ne1.wait_until_held()
        return True

    # So that neither waits for the other: servers come before clients unless all are one batch of the canary.
    cancelled = controller.launch("site", variables={"ntp_multicast_canary": "all"}, cancel=held)
    assert cancelled.status == "canceled", cancelled.printed
    for device in (ce1, ne1):
        device.release()
        device.wait_until_deserted()
        assert is_whole(device)
        old = device.running_configuration() == before[device.name]
        assert old != configured(device), "half of it is there"
    check_no_secret(cancelled)

    again = controller.launch("site")
    assert again.status == "successful", again.printed
    assert configured(ce1)
    assert configured(ne1)
    assert is_whole(ce1)
    assert is_whole(ne1)
