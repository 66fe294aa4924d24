# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as jobs of an automation controller: ansible-runner with what AWX gives it."""

from __future__ import annotations

import html
import json
import pathlib
from collections.abc import Iterable, Iterator

import ansible
import pytest

from vrp_simulator.testing import RunningDevice

from .controller import PASSPHRASE, PASSWORD, SECRET, Controller, Job, running_controller
from .leaks import Leaks, ciphertexts_in

# ansible-runner itself writes the environment of the job there, with the login. AWX deletes the folder after the job.
OF_THE_RUNNER = "command"
MEMORY_IS_LOST = "What is remembered of the keys ends with this job"
LOGINS = (PASSWORD, PASSPHRASE)
BY_HAND = "Bb2-by-somebody!"
SECRETS = Leaks((SECRET, BY_HAND))
FORMATS = ("json", "junit.xml", "sarif", "md", "html", "prom")


@pytest.fixture
def controller(tmp_path: pathlib.Path) -> Iterator[Controller]:
    with running_controller(tmp_path) as running:
        yield running


def is_whole(device: RunningDevice) -> bool:
    """Whether nobody has left anything on the device that is not finished."""
    return not device.pending() and device.lock_owner() is None and not device.trial_active()


def leaks_of(jobs: Iterable[Job], leaks: Leaks = SECRETS) -> list[str]:
    """What stands in events, in what was printed, and in the fact cache, and must not."""
    found = []
    for job in jobs:
        paths = job.written()
        assert len(paths) > 10, "there are the events, at least"
        found += leaks.found(path for path in paths if path.name == OF_THE_RUNNER)
        found += leaks.found((path for path in paths if path.name != OF_THE_RUNNER), LOGINS)
    return found


def check_no_secret(*jobs: Job) -> None:
    assert leaks_of(jobs) == []


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


def ciphertexts_of(controller: Controller) -> frozenset[str]:
    shown = [ciphertexts_in(device.running_configuration()) for device in controller.devices.values()]
    assert all(shown)
    return frozenset().union(*shown)


def test_reports_and_what_is_remembered_have_no_secret_and_no_ciphertext(controller: Controller) -> None:
    """Of jobs that found somebody else's key, in what they printed, handed on, wrote and kept."""
    volume = controller.directory / "volume"
    kept: dict[str, object] = {
        "ntp_multicast_key_memory_file": str(volume / "keys.json"),
        "ntp_multicast_report_directory": str(volume / "reports"),
    }
    first = controller.launch("site", "--diff", "-vvv", variables=kept, fact_cache=True)
    assert first.status == "successful", first.printed
    stored = ciphertexts_of(controller)
    key = f"ntp authentication-keyid 42 authentication-mode aes-128-cmac {BY_HAND}"
    line = "ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 4"
    controller.device("ce1").change_as("anna", [key, "interface 100GE1/0/1", line])
    leaks = Leaks((SECRET, BY_HAND), stored | ciphertexts_of(controller))
    jobs = [first]
    for template, kind, more in (
        ("check_drift", "drift", {}),
        ("check_drift", "drift", {"ntp_multicast_fleet_from": 1}),
        ("verify", "verify", {"ntp_multicast_wait": False}),
    ):
        job = controller.launch(template, "--diff", "-vvv", variables={**kept, **more}, fact_cache=True)
        assert job.failed_hosts(), job.printed
        jobs.append(job)
        assert leaks.found([volume / "reports" / f"{kind}.{ending}" for ending in FORMATS], LOGINS) == []
        assert job.handed_on()
    findings = {finding["kind"] for host in handed(jobs[1])["hosts"] for finding in host["findings"]}
    assert {"key_changed", "line_different"} <= findings, "there was something to hide"
    assert len(list((volume / "reports").iterdir())) == 2 * len(FORMATS), "there is no other file"
    assert leaks_of(jobs, leaks) == []
    assert leaks.found(path for path in volume.iterdir() if path.is_file()) == []
    assert remembered(volume / "keys.json") == {"algorithm", "salt", "secret_hash", "ciphertext_digest", "scrypt"}


def handed(job: Job) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    found: dict[str, list[dict[str, list[dict[str, str]]]]] = job.handed_on()["ntp_multicast_drift"]
    return found


def remembered(path: pathlib.Path) -> set[str]:
    """What the memory has of a key: salted hashes, and no more."""
    devices = json.loads(path.read_text(encoding="utf-8"))["devices"].values()
    return {field for device in devices for entry in device.values() if isinstance(entry, dict) for field in entry}


def test_a_leak_is_found_in_every_format(tmp_path: pathlib.Path) -> None:
    """So that the tests of this file can fail."""
    ciphertext = "%^%#" + "a<b&c\"d\\e>f'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "%^%#"
    leaks = Leaks((SECRET,), frozenset({ciphertext}))
    written = {
        "page.html": html.escape(f"<td>{ciphertext}</td>"),
        "drift.json": json.dumps({"line": ciphertext}),
        "events.json": json.dumps({"stdout": json.dumps({"line": ciphertext})}),
        "drift.md": ciphertext.replace("\\", "\\\\").replace("#", "\\#"),
        "cut.txt": ciphertext[30:],
        "key.txt": "key 42 " + SECRET,
        "key.b64": "key 42 QWExLWNvbnRyb2xsZXJzIQ==",
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert leaks.found([tmp_path / name]), name
    (tmp_path / "well.txt").write_text("%^%# ******** aes-128-cmac 42", encoding="utf-8")
    assert leaks.found([tmp_path / "well.txt"]) == []


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
