# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook adopt: what it writes describes the devices as they are, so that nothing is left to do."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from fixtures.places import folders_of_device_texts
from harness import PASSWORD, SECRET, Playbooks, Run, device

from vrp_simulator.testing import RunningDevice, running_devices

# Each release with the texts of such devices: of the project's own, and collected ones where they are.
TEXTS = {
    "ce-v200r005": ["current-ce6800-v200r005.txt", "ce6880-v200r005c10-display-current-configuration.txt"],
    "ce-v300r023": [
        "current-ce6800-v300r023.txt",
        "example-ce-v300r023-keys.txt",
        "example-ce-v300r023-multicast.txt",
        "example-ce-v300r023-manycast.txt",
        "doc-ce6800-v300r023-multicast-example.txt",
        "doc-ce6800-v300r023-client-server-auth-example.txt",
    ],
    "ne40e-v800r012": [
        "current-ne40e-v800r012.txt",
        "example-ne40e-v800r012-multicast.txt",
        "example-ne40e-v800r012-broadcast.txt",
        "example-ne40e-v800r012-keys.txt",
        "example-ne40e-v800r012-peers.txt",
        "doc-ne40e-v800r012-client-server-auth-example.txt",
        "doc-ne40e-v800r012-broadcast-auth-example.txt",
    ],
    "s-v600": ["current-s-v600r023.txt", "s5735-v600r023c00-display-current-configuration.txt"],
    "vrp5": ["current-vrp5-s5700.txt"],
}
SECRETS = {"aes-128-cmac": "Zq7-Lantern-Fog!", "aes-256-cmac": "Zq7-Lantern-Fog!Zq7-Lantern-Fog!"}
CIPHERTEXT = re.compile(r"%\^%#|%\+%#|%#%#|%@%#|authentication-mode \S+ cipher (?!\*)")


def configurations(text: str) -> Iterator[str]:
    """Each configuration of a device that a text has, from its first `#` to `return`."""
    lines: list[str] = []
    for line in text.splitlines():
        if lines or line == "#":
            lines.append(line)
        if line.strip() == "return" and lines:
            yield "\n".join(lines) + "\n"
            lines = []


def samples() -> dict[str, tuple[str, str]]:
    """Name of a device -> its release and its startup configuration."""
    found: dict[str, tuple[str, str]] = {}
    for release, names in TEXTS.items():
        for name in names:
            for path in (folder / name for folder in folders_of_device_texts() if (folder / name).exists()):
                for text in configurations(path.read_text(encoding="utf-8")):
                    found[f"{release}-{len(found)}"] = release, text
    return found


class Adopting(Playbooks):
    """Runs the playbooks of the collection."""

    groups: dict[str, list[str]]

    def play(self, name: str, *arguments: str, **variables: Any) -> Run:
        inventory = self.inventory(**variables)
        described = json.loads(inventory.read_text(encoding="utf-8"))
        described["all"]["children"] = {group: {"hosts": dict.fromkeys(hosts)} for group, hosts in self.groups.items()}
        inventory.write_text(json.dumps(described), encoding="utf-8")
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).with_name("ansible-playbook")),
                "-i",
                str(inventory),
                f"timecast.ntp_multicast.{name}",
                *arguments,
            ],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr, {})

    def described(self, kind: str, name: str) -> dict[str, Any]:
        path = self.directory / kind / name / "ntp_multicast.yml"
        return yaml.safe_load(path.read_text(encoding="utf-8")) or {}

    def texts(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.directory.glob("*_vars/*/ntp_multicast.yml"))


def changed(run: Run) -> dict[str, int]:
    return {
        host: int(number)
        for host, number in re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", run.output.partition("PLAY RECAP")[2], re.M)
    }


@pytest.fixture(name="fleet", scope="module")
def fleet_fixture(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[tuple[Adopting, dict[str, str]]]:
    """Devices of five releases with the configurations of samples, adopted once."""
    given = samples()
    assert {release for release, _text in given.values()} == set(TEXTS)
    with running_devices(
        [
            device(name, release, "100GE1/0/1" if release.startswith("ce") else "GigabitEthernet0/1/0")
            for name, (release, _text) in given.items()
        ]
    ) as devices:
        before = {}
        for name, (_release, text) in given.items():
            devices[name].reset(startup_configuration=text)
            before[name] = devices[name].running_configuration()
        playbooks = Adopting(tmp_path_factory.mktemp("adopt"), devices, pytestconfig.rootpath)
        playbooks.groups = {release: [name for name in given if name.startswith(release)] for release in TEXTS}
        yield playbooks, before


def in_sync(run: Run, name: str) -> bool:
    return re.search(rf"\b{name} +in sync\b", run.output) is not None


def keys_of(playbooks: Adopting, name: str) -> list[dict[str, Any]]:
    for kind, owner in (("host_vars", name), ("group_vars", name.rsplit("-", 1)[0]), ("group_vars", "all")):
        if (playbooks.directory / kind / owner / "ntp_multicast.yml").exists():
            found = playbooks.described(kind, owner).get("ntp_multicast_authentication")
            if found is not None:
                return list(found.get("keys", []))
    return []


def test_after_adopting_nothing_is_left_to_do(fleet: tuple[Adopting, dict[str, str]]) -> None:
    playbooks, before = fleet
    run = playbooks.play("adopt")
    assert run.code == 0, run.output
    assert not CIPHERTEXT.search(run.output + playbooks.texts())
    assert PASSWORD not in run.output + playbooks.texts()
    again = playbooks.play("adopt", "--diff")
    assert again.code == 0, again.output
    assert set(changed(again).values()) == {0}
    for filled in (False, True):
        if filled:
            for name in before:
                secrets = {
                    f"vault_ntp_multicast_key_{key['id']}": SECRETS.get(key["algorithm"], "Zq7-Lantern-Fog!")
                    for key in keys_of(playbooks, name)
                }
                (playbooks.directory / "host_vars" / name / "vault.yml").write_text(yaml.safe_dump(secrets))
        drift = playbooks.play("check_drift")
        assert drift.code == 0, drift.output
        assert all(in_sync(drift, name) for name in before), drift.output
        assert ("update_secrets is never" in drift.output) is not filled
        site = playbooks.play("site", "--check")
        assert site.code == 0, site.output
        assert set(changed(site)) >= set(before)
        assert set(changed(site).values()) == {0}, site.output
    for name, text in before.items():
        assert playbooks.devices[name].running_configuration() == text
        assert_read_only(playbooks.devices[name])


def assert_read_only(item: RunningDevice) -> None:
    assert item.commits() == []
    assert all(entry["kind"] != "configuration" for entry in item.commands())


@pytest.fixture(name="adopting")
def adopting_fixture(playbooks: Playbooks) -> Adopting:
    """A server and a client of one key, which share a group."""
    made = object.__new__(Adopting)
    made.__dict__.update(playbooks.__dict__)
    made.groups = {"switches": ["CE1", "NE1"]}
    for name, word in (("CE1", "ntp"), ("NE1", "ntp-service")):
        made.devices[name].change_as(
            "ops",
            [
                f"{word} authentication enable",
                f"{word} authentication-keyid 42 authentication-mode hmac-sha256 {SECRET}",
            ],
        )
    return made


def test_what_the_group_shares_is_in_its_file(adopting: Adopting) -> None:
    looked = adopting.play("adopt", "--check", "--diff")
    assert looked.code == 0, looked.output
    assert "vault_ntp_multicast_key_42" in looked.output
    assert adopting.texts() == ""
    run = adopting.play("adopt")
    assert run.code == 0, run.output
    assert [
        key["id"] for key in adopting.described("group_vars", "switches")["ntp_multicast_authentication"]["keys"]
    ] == [42]
    assert adopting.described("host_vars", "CE1") == adopting.described("host_vars", "NE1") == {}
    assert SECRET not in looked.output + run.output + adopting.texts()
    for name in ("check_drift", "site"):
        done = adopting.play(name, "--check")
        assert done.code == 0, done.output
        assert set(changed(done).values()) == {0}, done.output


def test_a_file_that_says_something_else_is_not_replaced_unasked(adopting: Adopting) -> None:
    assert adopting.play("adopt").code == 0
    before = adopting.texts()
    adopting.devices["CE1"].change_as("ops", ["ntp refclock-master 3"])
    refused = adopting.play("adopt")
    assert refused.code != 0
    assert "ntp_multicast_adopt_overwrite" in refused.output
    assert adopting.texts() == before
    replaced = adopting.play("adopt", "-e", "ntp_multicast_adopt_overwrite=true")
    assert replaced.code == 0, replaced.output
    assert adopting.described("host_vars", "CE1")["ntp_multicast_server"]["reference_stratum"] == 3


def test_a_device_that_cannot_be_read_fails_alone(adopting: Adopting) -> None:
    adopting.host_variables = {"NE1": {"ansible_port": 9}}
    elsewhere = adopting.directory / "elsewhere"
    run = adopting.play("adopt", "-e", f"ntp_multicast_adopt_directory={elsewhere}")
    assert run.code != 0
    assert "NE1  not adopted" in run.output
    assert [path.parent.name for path in elsewhere.glob("*_vars/*/ntp_multicast.yml")] == ["CE1"]
