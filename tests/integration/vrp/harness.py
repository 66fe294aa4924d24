# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated devices, reached in process over memory or by ansible-playbook over SSH."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import paramiko
import pytest
import yaml

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.channel import ShellChannel
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import (
    Report,
    Request,
    converge,
)
from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

SECRET = "Zq7-Lantern-Fog!"  # 16 characters of four classes
OTHER_SECRET = "Kp3+Harbour-Ice?"[:-1] + "!"
PASSWORD = "Login-Pass-1"
USERS = [
    {"name": "ops", "password": PASSWORD, "level": 3},
    {"name": "low", "password": PASSWORD, "level": 2},
]
RELEASES = {
    "ce-v200r005": "100GE1/0/1",
    "ce-v300r023": "100GE1/0/1",
    "ne40e-v800r012": "GigabitEthernet0/1/0",
    "s-v600": "Vlanif100",
}


def device(name: str, release: str, interface: str, **settings: Any) -> dict[str, Any]:
    """An entry of a device file: one interface to use, and one that is none of our business."""
    other = interface[:-1] + "7"
    return {
        "name": name,
        "release": release,
        "users": USERS,
        "interfaces": [
            {"name": interface, "ipv4": "10.0.0.1/24", "ipv6": "fd00::1/64"},
            {"name": other, "ipv4": "10.0.7.1/24", "ipv6": "fd00:7::1/64"},
        ],
        **settings,
    }


def ntp_lines(item: RunningDevice) -> list[str]:
    """The configuration without what a commit always changes: time stamps, the name, and the ciphertext of a key."""
    lines = []
    for line in item.running_configuration().splitlines():
        words = line.split()
        if line.startswith(("!", "sysname")):
            continue
        lines.append(" ".join(words[:-1]) if "authentication-mode" in words else line)
    return lines


def server_config(interface: str, secret: str = SECRET) -> dict[str, Any]:
    return {
        "authentication": {
            "enabled": True,
            "keys": [{"id": 42, "algorithm": "aes-128-cmac", "secret": secret, "trusted": True}],
        },
        "server": {"enabled": True, "listen": ["all"], "reference_stratum": 2},
        "interfaces": [
            {
                "name": interface,
                "servers": [
                    {"address": "239.1.2.3", "key_id": 42, "ttl": 9, "version": 4, "port": 5000},
                    {"afi": "ipv6"},
                ],
                "clients": [{"address": "224.0.1.1"}],
            }
        ],
    }


class LoginFailed(Exception):
    """What the connection plugin raises is no error of the collection either."""

    changed = False


@dataclasses.dataclass
class LocalLogins:
    """Logins over memory. Kept open to the end, as a task does."""

    device: RunningDevice
    user: str = "ops"
    retry: RetryPolicy = dataclasses.field(default_factory=lambda: RetryPolicy(retries=2, delay=0.01))
    timeouts: Timeouts = dataclasses.field(default_factory=lambda: Timeouts(login=5, command=5, commit=5))
    logins: int = 0
    patient: bool = False  # whether silences take their time
    _session: Session | None = None
    _link: Any = None

    def session(self) -> Session:
        if self._session is None or self._session.lost:
            self.close()
            self._link, self._session = self._log_in()
        return self._session

    @contextlib.contextmanager
    def second_session(self) -> Iterator[Session]:
        link, session = self._log_in()
        try:
            yield session
        finally:
            link.close()

    def _log_in(self) -> tuple[Any, Session]:
        self.logins += 1
        link = self.device.open_link(self.user, patient=self.patient)
        session = Session(link, self.timeouts)
        try:
            session.login()
            session.quieten()
        except DeviceError as error:
            link.close()
            raise LoginFailed(f"Login to {self.device.name} failed: {error}") from error
        return link, session

    def run(self, request: Request) -> tuple[Report | None, NtpMulticastError | LoginFailed | None]:
        """What a task gets: a report, or an error."""
        try:
            return converge(self, request), None
        except (NtpMulticastError, LoginFailed) as error:
            return None, error

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._session = self._link = None

    @property
    def present(self) -> Session:
        """The session of the last login, also when it is lost."""
        assert self._session is not None
        return self._session

    def request(self, config: Mapping[str, Any], state: str = "merged", **options: Any) -> Request:
        wanted = configuration_from_options(dict(config))
        return Request(wanted=wanted, state=State(state), retry=self.retry, **options)


@dataclasses.dataclass
class SshLogins(LocalLogins):
    """Logins over SSH, with the terminal that the connection plugin asks for."""

    def _log_in(self) -> tuple[Any, Session]:
        self.logins += 1
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            self.device.address, self.device.port, self.user, PASSWORD, allow_agent=False, look_for_keys=False
        )
        channel = client.invoke_shell(term="vt100", width=400, height=512)
        session = Session(ShellChannel(channel), self.timeouts)
        try:
            session.login()
            session.quieten()
        except DeviceError as error:
            client.close()
            raise LoginFailed(f"Login to {self.device.name} failed: {error}") from error
        return client, session


@contextlib.contextmanager
def ssh_logins(device: RunningDevice, user: str = "ops", **timeouts: float) -> Iterator[SshLogins]:
    logins = SshLogins(device, user)
    logins.timeouts = dataclasses.replace(logins.timeouts, **timeouts)
    try:
        yield logins
    finally:
        logins.close()


@contextlib.contextmanager
def local_logins(device: RunningDevice, user: str = "ops", patient: bool = False) -> Iterator[LocalLogins]:
    logins = LocalLogins(device, user, patient=patient)
    if patient:
        logins.timeouts = Timeouts(login=2, command=2, commit=4)
    try:
        yield logins
    finally:
        logins.close()


class Playbooks:
    """Runs ansible-playbook against running devices, with a home of its own."""

    def __init__(self, directory: pathlib.Path, devices: RunningDevices, rootpath: pathlib.Path) -> None:
        self.directory = directory
        self.devices = devices
        self.rootpath = rootpath
        self.host_variables: dict[str, dict[str, Any]] = {}
        home = directory / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "known_hosts").write_text(devices.known_hosts(), encoding="utf-8")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "HOME": str(home),
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(rootpath / ".build" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def inventory(self, **variables: Any) -> pathlib.Path:
        path = self.directory / "inventory.json"
        hosts = {
            name: {
                variable: value
                for variable, value in {
                    "ansible_host": item.address,
                    "ansible_port": item.port,
                    **self.host_variables.get(name, {}),
                }.items()
                if value is not None
            }
            for name, item in self.devices.items()
        }
        common = {
            "ansible_connection": "timecast.ntp_multicast.vrp_ssh",
            "ansible_network_os": "timecast.ntp_multicast.vrp",
            "ansible_user": "ops",
            "ansible_password": PASSWORD,
            "ansible_vrp_lock_retry_delay": 0.05,
            **variables,
        }
        path.write_text(
            json.dumps(
                {"all": {"hosts": hosts, "vars": {key: value for key, value in common.items() if value is not None}}}
            ),
            encoding="utf-8",
        )
        return path

    def command(self, tasks: list[dict[str, Any]], *arguments: str, hosts: str = "all", **variables: Any) -> list[str]:
        playbook = self.directory / "play.yml"
        play = {"hosts": hosts, "gather_facts": False, "tasks": tasks}
        playbook.write_text(yaml.safe_dump([play]), encoding="utf-8")
        ansible_playbook = str(pathlib.Path(sys.executable).with_name("ansible-playbook"))
        return [ansible_playbook, "-i", str(self.inventory(**variables)), str(playbook), *arguments]

    def run(
        self,
        tasks: list[dict[str, Any]],
        *arguments: str,
        hosts: str = "all",
        environment: Mapping[str, str] | None = None,
        **variables: Any,
    ) -> Run:
        """Run the tasks and return each host's results, by the names that they are registered under."""
        names = [written["register"] for written in tasks if "register" in written] or ["result"]
        output = self.directory / "results.json"
        output.unlink(missing_ok=True)
        last = {
            "ansible.builtin.copy": {
                "content": "{{ {"
                + ", ".join(
                    f"'{name}': dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)"
                    f" | map(attribute='{name}', default={{}})))"
                    for name in dict.fromkeys(names)
                )
                + "} | to_json }}",
                "dest": str(output),
                "mode": "0600",
            },
            "delegate_to": "localhost",
            "run_once": True,
            "check_mode": False,
            "diff": False,
            "no_log": True,
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        }
        done = subprocess.run(
            self.command([*tasks, last], *arguments, hosts=hosts, **variables),
            env={**self.environment, **(environment or {})},
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        registered = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
        return Run(done.returncode, done.stdout + done.stderr, registered)


@dataclasses.dataclass(frozen=True)
class Run:
    """What came of a run; `registered` holds the results by register and host."""

    code: int
    output: str
    registered: dict[str, dict[str, dict[str, Any]]]

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """Those of the hosts that the run has reached; a loop over none would prove nothing."""
        found = self.registered.get("result", {})
        assert found, f"no host has a result:\n{self.output}"
        return found


def task(
    _name: str = "vrp_ntp_multicast",
    _failing: bool = False,
    _register: str = "result",
    _check: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """A task of the collection whose result is registered."""
    written: dict[str, Any] = {f"timecast.ntp_multicast.{_name}": options, "register": _register}
    if _check:
        written["check_mode"] = True
    if _failing:
        written["ignore_errors"] = True
    return written


@pytest.fixture(name="pair", scope="session")
def pair_fixture() -> Iterator[RunningDevices]:
    """A device of each dialect."""
    with running_devices(
        [device("CE1", "ce-v300r023", "100GE1/0/1"), device("NE1", "ne40e-v800r012", "GigabitEthernet0/1/0")]
    ) as devices:
        yield devices


@pytest.fixture(name="playbooks")
def playbooks_fixture(pair: RunningDevices, tmp_path: pathlib.Path, pytestconfig: pytest.Config) -> Iterator[Playbooks]:
    """ansible-playbook against the pair, which is as new."""
    for item in pair.values():
        item.reset()
    yield Playbooks(tmp_path, pair, pytestconfig.rootpath)
    for item in pair.values():
        assert item.pending() == {}
        assert item.lock_owner() is None
        assert not item.trial_active()
