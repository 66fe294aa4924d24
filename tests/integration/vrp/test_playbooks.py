# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person gets: real ansible-playbook runs over SSH against simulated devices."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from typing import Any

import pytest
from harness import OTHER_SECRET, PASSWORD, SECRET, Playbooks, server_config, task

from vrp_simulator.testing import RunningDevice

INTERFACES = {"CE1": "100GE1/0/1", "NE1": "GigabitEthernet0/1/0"}
CIPHERTEXT_MARKS = ("%^%#", "%+%#", "%#%#", "%@%#")


def config(**changes: Any) -> dict[str, Any]:
    """The server configuration for whichever device runs the task."""
    return {**server_config("{{ '100GE1/0/1' if inventory_hostname == 'CE1' else 'GigabitEthernet0/1/0' }}"), **changes}


def configuring_sessions(item: RunningDevice) -> list[int]:
    """The number of configuration lines in each session, in the order of the logins."""
    counts: dict[int, int] = {}
    for entry in item.commands():
        counts[entry["session"]] = counts.get(entry["session"], 0) + (entry["kind"] == "configuration")
    return list(counts.values())


def assert_no_secret(text: str) -> None:
    for secret in (SECRET, OTHER_SECRET, PASSWORD, *CIPHERTEXT_MARKS):
        assert secret not in text


@pytest.mark.parametrize("state", ["merged", "replaced", "overridden", "deleted"])
def test_each_state_converges(playbooks: Playbooks, state: str) -> None:
    prepare = [task(_register="prepared", config=config())] if state == "deleted" else []
    run = playbooks.run(
        [
            *prepare,
            task(_register="predicted", _check=True, config=config(), state=state),
            task(_register="first", config=config(), state=state),
            task(_register="second", config=config(), state=state),
        ]
    )
    assert run.code == 0, run.output
    for name, item in playbooks.devices.items():
        predicted, first, second = (run.registered[register][name] for register in ("predicted", "first", "second"))
        assert [predicted["changed"], first["changed"], second["changed"]] == [True, True, False]
        assert predicted["after"] == first["after"]
        assert predicted["commands"] == first["commands"]
        assert predicted["diff"] == first["diff"]
        assert second["before"] == first["after"]
        # Each task is a login of its own, so the log tells them apart.
        *_prepared, looked, configured, looked_again = configuring_sessions(item)
        assert (looked, looked_again) == (0, 0)
        assert configured == len([line for line in first["commands"] if line not in ("system-view", "quit", "commit")])


def test_check_mode_only_looks(playbooks: Playbooks) -> None:
    run = playbooks.run([task(config=config())], "--check", "--diff")
    assert run.code == 0
    for item in playbooks.devices.values():
        assert {entry["line"].split()[0] for entry in item.commands()} <= {"screen-length", "undo", "display", "quit"}
        assert all("terminal" in entry["line"] for entry in item.commands() if entry["line"].startswith("undo"))
        assert item.commits() == []


def test_gathered_rendered_and_parsed_agree(playbooks: Playbooks) -> None:
    assert playbooks.run([task(config=config())]).code == 0
    gathered = playbooks.run([task(state="gathered")])
    for name, item in playbooks.devices.items():
        # From a file: in a variable a ciphertext that happens to hold "{{" would be a template.
        (playbooks.directory / f"{name}.cfg").write_text(item.running_configuration())
    parsed = playbooks.run(
        [task(state="parsed", running_config="{{ lookup('ansible.builtin.file', inventory_hostname ~ '.cfg') }}")],
        ansible_connection="local",
    )
    for name in INTERFACES:
        assert gathered.results[name]["gathered"] == parsed.results[name]["parsed"]
        assert not gathered.results[name]["changed"]
    assert_no_secret(gathered.output + parsed.output)


def test_rendered_needs_no_device_and_shows_secrets_only_when_asked(playbooks: Playbooks) -> None:
    masked = playbooks.run([task(state="rendered", config=config())], "-vvv", ansible_connection="local")
    shown = playbooks.run(
        [task(state="rendered", config=config(), show_secrets=True, dialect="ntp-service")], ansible_connection="local"
    )
    assert masked.code == 0, masked.output
    assert masked.results["CE1"]["rendered"][0] == "system-view"
    assert masked.results["CE1"]["rendered"][-1] == "commit"
    assert_no_secret(masked.output + str(masked.results))
    assert any(line.endswith(SECRET) for line in shown.results["CE1"]["rendered"])
    assert all(item.commands() == [] for item in playbooks.devices.values())


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_nothing_secret_is_printed_or_seen_in_the_process_list(playbooks: Playbooks, check: list[str]) -> None:
    variables = {"update_secrets": "always"}
    assert playbooks.run([task(config=config())]).code == 0
    changed = config()
    changed["authentication"]["keys"][0]["secret"] = OTHER_SECRET
    # The secrets come by the playbook file, the password by a variable. Neither may be on a command line or printed.
    command = playbooks.command([task(config=changed, **variables)], "-vvvv", "--diff", *check)
    output = playbooks.directory / "output.txt"
    seen = set()
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, env=playbooks.environment, cwd=playbooks.directory, stdout=file, stderr=subprocess.STDOUT
        )
        while process.poll() is None:
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(path.read_bytes())
                except OSError:
                    continue
            time.sleep(0.02)
    text = output.read_text(errors="replace")
    assert process.returncode == 0, text
    assert "authentication-keyid 42" in text
    assert_no_secret(text)
    assert_no_secret(b"\n".join(seen).decode(errors="replace"))


def test_a_refused_line_leaves_nothing_and_says_what_it_was(playbooks: Playbooks) -> None:
    before = {name: item.running_configuration() for name, item in playbooks.devices.items()}
    for item in playbooks.devices.values():
        item.set_faults(refused_lines={"multicast-client": "Error: The flux capacitor is empty."})
    run = playbooks.run([task(_failing=True, config=config())], "-vvv")
    for name, item in playbooks.devices.items():
        message = run.results[name]["msg"]
        assert "multicast-client" in message
        assert "flux capacitor" in message
        assert "nothing was changed" in message
        assert item.running_configuration() == before[name]
        assert item.pending() == {}
    assert_no_secret(run.output)


BAD_INPUTS: list[tuple[dict[str, Any], str]] = [
    (
        {"authentication": {"keys": [{"id": 0, "algorithm": "md5", "secret": SECRET}]}},
        "config.authentication.keys[0].id",
    ),
    ({"interfaces": [{"name": "100GE1/0/1", "servers": [{"key_id": 70000, "version": 4}]}]}, "servers[0].key_id"),
    ({"interfaces": [{"name": "100GE1/0/1", "servers": [{"ttl": 256}]}]}, "config.interfaces[0].servers[0].ttl"),
    ({"interfaces": [{"name": "100GE1/0/1", "servers": [{"port": 124}]}]}, "config.interfaces[0].servers[0].port"),
    ({"interfaces": [{"name": "100GE1/0/1", "clients": [{"address": "10.0.0.1"}]}]}, "clients[0].address"),
    ({"interfaces": [{"name": "100GE1/0/1", "servers": [{"afi": "ipv6", "version": 4}]}]}, "servers[0].version"),
    (
        {"authentication": {"keys": [{"id": 1, "algorithm": "aes-256-cmac", "secret": SECRET}]}},
        "config.authentication.keys[0].secret",
    ),
    ({"interfaces": [{"name": "100GE1/0/1", "clients": [{}, {"address": "224.0.1.1"}]}]}, "clients[1]"),
    ({"interfaces": [{"name": "100GE1/0/1", "servers": [{"colour": "red"}]}]}, "colour"),
]


@pytest.mark.parametrize(("wrong", "path"), BAD_INPUTS, ids=[path for _wrong, path in BAD_INPUTS])
def test_bad_input_is_refused_before_the_login(playbooks: Playbooks, wrong: dict[str, Any], path: str) -> None:
    run = playbooks.run([task(_failing=True, config=wrong)], hosts="CE1")
    assert run.results["CE1"]["failed"]
    assert path in run.results["CE1"]["msg"]
    assert_no_secret(run.output)
    assert playbooks.devices["CE1"].commands() == []


def test_all_problems_are_told_at_once(playbooks: Playbooks) -> None:
    wrong = {"interfaces": [{"name": "100GE1/0/1", "servers": [{"ttl": 0, "port": 80}]}]}
    run = playbooks.run([task(_failing=True, config=wrong, commit={"trial": 5, "label": "1st"})], hosts="CE1")
    message = run.results["CE1"]["msg"]
    assert all(path in message for path in ("ttl", "port", "commit.trial", "commit.label"))


def test_keys_converge_with_the_memory_in_the_fact_cache(playbooks: Playbooks) -> None:
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(playbooks.directory / "facts")}

    def apply(secret: str, *arguments: str) -> dict[str, bool]:
        wanted = config()
        wanted["authentication"]["keys"][0]["secret"] = secret
        run = playbooks.run([task(config=wanted)], *arguments, environment=cache)
        assert run.code == 0, run.output
        return {name: run.results[name]["changed"] for name in INTERFACES}

    assert apply(SECRET) == {"CE1": True, "NE1": True}
    assert apply(SECRET) == {"CE1": False, "NE1": False}
    word = "ntp authentication-keyid 42 authentication-mode aes-128-cmac"
    playbooks.devices["CE1"].change_as("ops", [f"{word} {OTHER_SECRET}"])
    assert apply(SECRET, "--check") == {"CE1": True, "NE1": False}
    assert apply(SECRET) == {"CE1": True, "NE1": False}
    assert playbooks.devices["CE1"].secret(42) == SECRET
    assert apply(OTHER_SECRET) == {"CE1": True, "NE1": True}
    assert apply(OTHER_SECRET) == {"CE1": False, "NE1": False}
    stored = "".join(path.read_text() for path in (playbooks.directory / "facts").iterdir())
    assert_no_secret(stored)


def test_info_has_the_shape_that_linux_has_too(playbooks: Playbooks) -> None:
    assert playbooks.run([task(config=config())]).code == 0
    run = playbooks.run([task("vrp_ntp_multicast_info", wait_until_synchronised=True, timeout=5)])
    for name, interface in INTERFACES.items():
        state = run.results[name]["ntp"]
        assert state["synchronised"] is True
        assert state["stratum"] == 2
        assert state["role"] == "both"
        assert state["servers"][0] == {
            "interface": interface, "group": "239.1.2.3", "port": 5000, "key_id": 42, "ttl": 9, "version": 4
        }  # fmt: skip
        assert {"source", "group", "reach", "offset", "selected"} <= set(state["associations"][0])


def test_waiting_in_vain_fails_and_still_tells(playbooks: Playbooks) -> None:
    run = playbooks.run([task("vrp_ntp_multicast_info", _failing=True, wait_until_synchronised=True, timeout=1)])
    assert run.results["CE1"]["failed"]
    assert "not synchronised after 1 seconds" in run.results["CE1"]["msg"]
    assert run.results["CE1"]["ntp"]["stratum"] == 16


def test_one_login_serves_a_task_and_its_loop(playbooks: Playbooks) -> None:
    looped = {**task(state="gathered"), "loop": [1, 2, 3]}
    assert playbooks.run([looped], hosts="CE1").code == 0
    assert len({entry["session"] for entry in playbooks.devices["CE1"].commands()}) == 1


# -- the connection ----------------------------------------------------------------------------------------------------


def test_an_unknown_host_key_is_refused(playbooks: Playbooks) -> None:
    known_hosts = pathlib.Path(playbooks.environment["HOME"], ".ssh", "known_hosts")
    lines = known_hosts.read_text()
    known_hosts.write_text("")
    refused = playbooks.run([task(state="gathered")], hosts="CE1")
    assert refused.code != 0
    assert "is not known: ssh-ed25519 SHA256:" in refused.output
    assert playbooks.devices["CE1"].commands() == []
    added = playbooks.run([task(state="gathered")], hosts="CE1", ansible_host_key_auto_add=True)
    assert added.code == 0, added.output
    assert known_hosts.read_text() in lines
    assert playbooks.run([task(state="gathered")], hosts="CE1").code == 0
    known_hosts.write_text(
        lines.split("ssh-ed25519")[0]
        + "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
    )
    changed = playbooks.run([task(state="gathered")], hosts="CE1", ansible_host_key_auto_add=True)
    assert changed.code != 0
    assert "differs from the known one" in changed.output


def test_a_wrong_password_is_unreachable_and_not_printed(playbooks: Playbooks) -> None:
    run = playbooks.run([task(state="gathered")], "-vvv", hosts="CE1", ansible_password="Wrong-Pass-9")
    assert run.code == 4
    assert "refused the login" in run.output
    assert "Wrong-Pass-9" not in run.output


def test_credentials_of_an_automation_controller(playbooks: Playbooks) -> None:
    run = playbooks.run(
        [task(state="gathered")],
        hosts="CE1",
        ansible_user=None,
        ansible_password=None,
        environment={"ANSIBLE_NET_USERNAME": "ops", "ANSIBLE_NET_PASSWORD": PASSWORD},
    )
    assert run.code == 0, run.output


def test_a_password_file(playbooks: Playbooks) -> None:
    file = playbooks.directory / "password"
    file.write_text(PASSWORD + "\n")
    os.chmod(file, 0o600)
    run = playbooks.run(
        [task(state="gathered")], "--connection-password-file", str(file), hosts="CE1", ansible_password=None
    )
    assert run.code == 0, run.output


def test_other_modules_are_told_what_to_use(playbooks: Playbooks) -> None:
    run = playbooks.run([{"ansible.builtin.ping": {}, "register": "result"}], hosts="CE1")
    assert run.code != 0
    assert "Use the modules of timecast.ntp_multicast" in run.output


def test_another_connection_is_told_what_to_use(playbooks: Playbooks) -> None:
    run = playbooks.run([task(state="gathered")], hosts="CE1", ansible_connection="local")
    assert run.code == 2
    assert "ansible_connection=timecast.ntp_multicast.vrp_ssh" in run.output


def test_group_defaults_reach_the_module(playbooks: Playbooks) -> None:
    defaulted = {
        "block": [{"timecast.ntp_multicast.vrp_ntp_multicast": {}, "register": "result"}],
        "module_defaults": {"group/timecast.ntp_multicast.vrp": {"dialect": "ntp"}},
    }
    run = playbooks.run([defaulted], hosts="CE1")
    assert "state is merged but all of the following are missing: config" in run.output
