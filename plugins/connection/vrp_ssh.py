# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vrp_ssh
short_description: Reach Huawei VRP devices over SSH
description:
  - Opens an SSH session to the command line of a Huawei VRP8 or YunShan device, in the process that runs the task.
    One login serves one task, including its loop; nothing stays open between tasks.
  - It carries the modules of this collection. It does not run commands or transfer files for other modules.
author:
  - Timecast developers (@timecast)
version_added: 0.9.0
requirements:
  - paramiko >= 3.4 (paramiko < 5 for devices that offer nothing newer than SHA-1 key exchange)
notes:
  - A play that gathers facts needs C(ansible_facts_modules=[]) on these hosts, since no fact module can run on them.
options:
  host:
    description:
      - Name or address of the device, or a host of the SSH configuration, whose C(HostName) then counts.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_ssh_host
  port:
    description:
      - TCP port of the device's SSH server.
      - Omitted, it is that of the SSH configuration (see O(ssh_common_args)), else 22.
    type: int
    ini:
      - section: defaults
        key: remote_port
    env:
      - name: ANSIBLE_REMOTE_PORT
    vars:
      - name: ansible_port
      - name: ansible_ssh_port
    keyword:
      - name: port
  remote_user:
    description:
      - User to log in as. Omitted, it is that of the SSH configuration, else the name of the local user.
      - E(ANSIBLE_NET_USERNAME), which automation controllers set for a network credential, counts before C(--user)
        and C(remote_user), which are for the other hosts of a play. The variables of a host count before both.
    type: str
    ini:
      - section: defaults
        key: remote_user
    env:
      - name: ANSIBLE_REMOTE_USER
      - name: ANSIBLE_NET_USERNAME
    vars:
      - name: ansible_user
      - name: ansible_ssh_user
    cli:
      - name: user
        option: --user
    keyword:
      - name: remote_user
  password:
    description:
      - Password of the user, or passphrase of the private key. What opens an encrypted key is not sent to the device.
      - Can also come from C(--ask-pass) or C(--connection-password-file).
      - E(ANSIBLE_NET_PASSWORD) counts before these. With the user of E(ANSIBLE_NET_USERNAME) they are not used at all,
        since they belong to another one.
      - It is the answer to the device's first question where that is one for a password, and to nothing else.
        A device that asks for a token or a new password refuses the login.
    type: str
    env:
      - name: ANSIBLE_NET_PASSWORD
    vars:
      - name: ansible_password
      - name: ansible_ssh_pass
      - name: ansible_ssh_password
  private_key_file:
    description:
      - Path of a private key to log in with. A certificate beside it, named C(KEY-cert.pub), is used too.
      - Omitted, each C(IdentityFile) of the SSH configuration is tried that can be read without a passphrase.
      - E(ANSIBLE_NET_SSH_KEYFILE) counts before C(--private-key), as with O(remote_user).
    type: path
    ini:
      - section: defaults
        key: private_key_file
    env:
      - name: ANSIBLE_PRIVATE_KEY_FILE
      - name: ANSIBLE_NET_SSH_KEYFILE
    vars:
      - name: ansible_private_key_file
      - name: ansible_ssh_private_key_file
    cli:
      - name: private_key_file
        option: --private-key
  look_for_keys:
    description:
      - Whether to try the private keys in C(~/.ssh) that can be read without a passphrase.
      - Devices count failed attempts, so this is off unless asked for.
    type: bool
    default: false
    vars:
      - name: ansible_vrp_look_for_keys
  allow_agent:
    description:
      - Whether to try the keys of an SSH agent. Omitted, it is tried when there is no password.
      - Automation controllers hand private keys over in an agent.
    type: bool
    vars:
      - name: ansible_vrp_allow_agent
  host_key_checking:
    description:
      - Whether to refuse devices whose host key is not known.
      - The variable of a host counts before E(ANSIBLE_HOST_KEY_CHECKING), which automation controllers set to false
        in every job. Set it to true for your devices there.
      - A key that is marked as revoked, or that differs from a known one, is refused all the same.
    type: bool
    default: true
    ini:
      - section: defaults
        key: host_key_checking
    env:
      - name: ANSIBLE_HOST_KEY_CHECKING
      - name: ANSIBLE_SSH_HOST_KEY_CHECKING
    vars:
      - name: ansible_host_key_checking
      - name: ansible_ssh_host_key_checking
  host_key_auto_add:
    description:
      - Whether to accept the host key of a device that is not known yet and to remember it in O(known_hosts_file).
      - A host key that differs from a known one is refused all the same.
    type: bool
    default: false
    env:
      - name: ANSIBLE_HOST_KEY_AUTO_ADD
    vars:
      - name: ansible_host_key_auto_add
  known_hosts_file:
    description:
      - File with the known host keys, read in addition to C(/etc/ssh/ssh_known_hosts).
      - Hashed names, patterns and C(@revoked) mean what they mean to OpenSSH. The types of the known keys are asked
        for first. Keys of certificate authorities are passed over.
    type: path
    default: ~/.ssh/known_hosts
    vars:
      - name: ansible_known_hosts_file
  timeout:
    description:
      - Seconds that opening the TCP connection, the SSH handshake, the authentication and opening the terminal may
        take, each. With a proxy the handshake includes the way to the device.
    type: int
    default: 10
    ini:
      - section: defaults
        key: timeout
    env:
      - name: ANSIBLE_TIMEOUT
    vars:
      - name: ansible_timeout
      - name: ansible_ssh_timeout
    cli:
      - name: timeout
        option: --timeout
  login_timeout:
    description: Seconds of silence after the authentication until the device's first prompt counts as missing.
    type: float
    default: 30
    vars:
      - name: ansible_login_timeout
  command_timeout:
    description:
      - Seconds of silence after which the answer to a line counts as missing.
      - An answer is whole when the line was echoed and a prompt follows; a configuration also ends with C(return).
    type: float
    default: 30
    env:
      - name: ANSIBLE_PERSISTENT_COMMAND_TIMEOUT
    vars:
      - name: ansible_command_timeout
  commit_timeout:
    description:
      - Seconds of silence after which the answer to a commit or a save counts as missing.
      - When a session is lost in a commit, new logins look for so long whether the change takes effect.
    type: float
    default: 180
    vars:
      - name: ansible_commit_timeout
  lock_retries:
    description: How often to try again when another user holds the lock, or the device says that it is busy.
    type: int
    default: 3
    vars:
      - name: ansible_vrp_lock_retries
  lock_retry_delay:
    description: Seconds before the first of these attempts; it doubles with each.
    type: float
    default: 5
    vars:
      - name: ansible_vrp_lock_retry_delay
  keepalive:
    description: Seconds between keepalive messages, V(0) for none.
    type: int
    default: 15
    vars:
      - name: ansible_vrp_keepalive
  proxy_command:
    description:
      - Command whose standard input and output lead to the device. V(%h), V(%p) and V(%r) stand for host, port and
        user.
      - A shell runs it, as with OpenSSH. It appears in the process list, so it must not contain a password.
    type: str
    default: ''
    env:
      - name: ANSIBLE_SSH_PROXY_COMMAND
    vars:
      - name: ansible_ssh_proxy_command
      - name: ansible_paramiko_proxy_command
  proxy_jump:
    description:
      - Host to jump over, as C(user@host:port), reached with the C(ssh) command and its configuration.
      - Several hosts are divided by commas. Ignored when O(proxy_command) is given.
    type: str
    default: ''
    vars:
      - name: ansible_proxy_jump
  ssh_common_args:
    description:
      - Arguments for C(ssh), which other hosts of the play may need as well.
      - C(-J), C(-F), C(-p), C(-l), C(-i), and of C(-o) the keywords C(ProxyJump), C(ProxyCommand), C(HostName),
        C(Port), C(User) and C(IdentityFile) mean what they mean to OpenSSH. The others are passed over.
      - Then C(~/.ssh/config) and C(/etc/ssh/ssh_config) count, or the file of C(-F); with C(-F none) no file.
        Options of this plugin count before all of them.
    type: str
    default: ''
    ini:
      - section: ssh_connection
        key: ssh_common_args
    env:
      - name: ANSIBLE_SSH_COMMON_ARGS
    vars:
      - name: ansible_ssh_common_args
    cli:
      - name: ssh_common_args
        option: --ssh-common-args
  ssh_extra_args:
    description: More of the same, taken after O(ssh_common_args).
    type: str
    default: ''
    ini:
      - section: ssh_connection
        key: ssh_extra_args
    env:
      - name: ANSIBLE_SSH_EXTRA_ARGS
    vars:
      - name: ansible_ssh_extra_args
    cli:
      - name: ssh_extra_args
        option: --ssh-extra-args
  legacy_algorithms:
    description:
      - Whether to accept what old devices need, as far as the installed paramiko still knows it.
      - That is key exchange with SHA-1 and with group 1, C(ssh-rsa) host keys, CBC ciphers, and MACs with SHA-1 or MD5.
    type: bool
    default: false
    vars:
      - name: ansible_vrp_legacy_algorithms
  transcript_file:
    description:
      - File that takes down what is typed on the device and what it answers, one JSON object a line. Omitted, nothing
        is taken down.
      - Each device needs a file of its own, so put C({{ inventory_hostname }}) into the path. Sessions are added to a
        file that is there. The file is readable for its owner alone (mode 0600).
      - Secrets and stored ciphertexts are masked, as in results and errors. The login itself is not taken down.
        Names and addresses stay in it, see O(transcript_anonymous).
      - The simulated devices of the repository replay such a file. See
        R(Record a session as a transcript,ansible_collections.timecast.ntp_multicast.docsite.guide_transcripts).
    type: path
    version_added: 0.9.0
    vars:
      - name: ansible_vrp_transcript_file
  transcript_anonymous:
    description:
      - Whether O(transcript_file) gets other names and addresses in place of those of the device, its users and its
        neighbours.
      - Of a configuration only NTP, the interfaces and their addresses are kept. Multicast groups and the names of
        interfaces stay. Read the file before you hand it on all the same.
    type: bool
    default: false
    version_added: 0.9.0
    vars:
      - name: ansible_vrp_transcript_anonymous
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from ansible import constants
from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.facts import facts_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.channel import ShellChannel
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.errors import LoginRefused, SshError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.library import PARAMIKO_IMPORT_ERROR
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.login import Client
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.route import Route
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.settings import Settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.transcript_file import TranscriptFile
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Recorder, Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transcript import Transcript

display = Display()

# How an automation controller hands over a network credential.
NET_USER = "ANSIBLE_NET_USERNAME"
NET_PASSWORD = "ANSIBLE_NET_PASSWORD"  # noqa: S105 - the name of a variable
NET_KEY_FILE = "ANSIBLE_NET_SSH_KEYFILE"

FACTS_MODULE = b"ansible_collections.timecast.ntp_multicast.plugins.modules.vrp_facts"


def gathered_facts(session: Session) -> tuple[int, bytes, bytes]:
    """What the module vrp_facts would print if it could run on the device: exit code, output, errors."""
    try:
        return 0, json.dumps({"changed": False, "ansible_facts": facts_of(session)}).encode(), b""
    except DeviceError as error:
        return 1, json.dumps({"failed": True, "msg": str(error)}).encode(), b""


def transcript_file(settings: Settings) -> TranscriptFile | None:
    """The file that takes down the session, tried before the device is reached."""
    try:
        return TranscriptFile(settings.transcript_file) if settings.transcript_file else None
    except SshError as error:
        raise AnsibleConnectionFailure(str(error)) from None


class Connection(ConnectionBase):  # type: ignore[misc]
    """Logs in when a session is asked for first, and out when the task ends."""

    transport = "timecast.ntp_multicast.vrp_ssh"
    _connected: bool
    # A module comes with its command, so that no file has to be copied: see exec_command.
    has_pipelining = True
    always_pipeline_modules = True
    has_tty = False
    allow_executable = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client: Any = None
        self._session: Session | None = None
        self._logged_in_with: tuple[Settings, Timeouts] | None = None
        self._variables: Mapping[str, Any] = {}

    # -- what actions use ----------------------------------------------------------------------------------------------

    def session(self) -> Session:
        """The logged-in session; a new one when the last was lost, or when it is another's.

        Ansible keeps the connection for all items of a loop and compares their addresses only, while the options may
        lead to another device with each (`delegate_to`).
        """
        if self._session is None or self._session.lost or self._logged_in_with != self._wanted():
            self.close()
            self._connect()
        if self._session is None:
            raise AnsibleConnectionFailure("The connection has no session.")
        return self._session

    @contextlib.contextmanager
    def second_session(self) -> Iterator[Session]:
        """Another login to the same device, for as long as the context lasts."""
        client, session = self._log_in(*self._wanted())
        try:
            yield session
        finally:
            client.close()

    @property
    def retry(self) -> RetryPolicy:
        """How long to bear with locks."""
        return RetryPolicy(retries=self.get_option("lock_retries"), delay=self.get_option("lock_retry_delay"))

    # -- what Ansible calls --------------------------------------------------------------------------------------------

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        """Called before each item of a loop."""
        self._variables = var_options or {}
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)

    def _connect(self) -> Connection:
        if not self._connected:
            wanted = self._wanted()
            self._client, self._session = self._log_in(*wanted)
            self._logged_in_with = wanted
            self._connected = True
        return self

    def close(self) -> None:
        """Hang up. The device drops the candidate configuration and the lock of a session that ends."""
        client, self._client, self._session = self._client, None, None
        self._connected = False
        self._logged_in_with = None
        if client is not None:
            client.close()

    def reset(self) -> None:
        """Log in again."""
        self.close()
        self._connect()

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Refuse: a VRP device has no shell. Only facts can be had in this way, since Ansible gathers them so."""
        if in_data and FACTS_MODULE in in_data:
            return gathered_facts(self.session())
        raise AnsibleError(
            "A VRP device has no shell that could run modules or commands. Use the modules of timecast.ntp_multicast, "
            "such as vrp_ntp_multicast. For fact gathering set ansible_facts_modules to "
            "timecast.ntp_multicast.vrp_facts, or to [], on this host. "
            "For anything else delegate the task to localhost."
        )

    def put_file(self, in_path: str, out_path: str) -> None:
        """Refuse: nothing of the collection copies files to a device."""
        raise AnsibleError(
            "vrp_ssh does not copy files to a VRP device. Use vrp_ntp_multicast for configuration, or an SFTP client."
        )

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Refuse: nothing of the collection copies files from a device."""
        raise AnsibleError(
            "vrp_ssh does not fetch files from a VRP device. Use vrp_ntp_multicast with state=gathered, "
            "or an SFTP client."
        )

    # -- login ---------------------------------------------------------------------------------------------------------

    def _log_in(self, settings: Settings, timeouts: Timeouts) -> tuple[Client, Session]:
        """Raises errors without a cause: newer releases of Ansible print the words of each cause after the message."""
        if PARAMIKO_IMPORT_ERROR is not None:
            raise AnsibleError(
                f"paramiko is not installed where Ansible runs ({PARAMIKO_IMPORT_ERROR}). "
                "Install it with: pip install paramiko"
            )
        file = transcript_file(settings)
        client = self._open_client(settings)
        try:
            recorder = self._recorder(settings, client.route, file) if file else None
            session = Session(ShellChannel(client.channel), timeouts, retry=self.retry, recorder=recorder)
            session.login()
            session.quieten()
        except (DeviceError, OSError) as error:
            client.close()
            hint = "\nSet ansible_login_timeout to more if the device is slow." if "of silence" in str(error) else ""
            raise AnsibleConnectionFailure(f"Login to {client.route} failed: {error}{hint}") from None
        except BaseException:
            client.close()
            raise
        display.vvv(f"LOGGED IN TO {session.sysname}", host=settings.host)
        return client, session

    def _recorder(self, settings: Settings, route: Route, file: TranscriptFile) -> Recorder:
        """What takes down a session. A transcript that stops, since the disk is full, ends no session."""

        def write(line: str) -> None:
            try:
                file.write(line)
            except OSError as error:
                display.warning(f"The transcript {settings.transcript_file} is not whole: {error.strerror or error}.")

        return Transcript(
            write,
            session=secrets.token_hex(8),
            secrets=[settings.password or ""],
            names=[settings.host, route.host, route.user, self._variables.get("inventory_hostname") or ""],
            anonymous=settings.transcript_anonymous,
        )

    def _open_client(self, settings: Settings) -> Client:
        try:
            client = Client(settings)
            display.vvv(f"ESTABLISH VRP SSH CONNECTION TO {client.route}", host=settings.host)
            client.open()
        except LoginRefused as error:
            raise AnsibleAuthenticationFailure(str(error)) from None
        except SshError as error:
            raise AnsibleConnectionFailure(str(error)) from None
        for note in client.notes:
            display.vvv(note, host=settings.host)
        for warning in client.warnings:
            display.warning(warning)
        return client

    def _wanted(self) -> tuple[Settings, Timeouts]:
        """What the options say now."""
        option = self.get_option
        user, password, key_file = self._credentials()
        settings = Settings(
            host=option("host"),
            port=option("port"),
            user=user,
            password=password,
            private_key_file=key_file,
            look_for_keys=option("look_for_keys"),
            allow_agent=option("allow_agent"),
            host_key_checking=option("host_key_checking"),
            host_key_auto_add=option("host_key_auto_add"),
            known_hosts_file=option("known_hosts_file"),
            timeout=option("timeout"),
            keepalive=option("keepalive"),
            proxy_command=option("proxy_command"),
            proxy_jump=option("proxy_jump"),
            ssh_arguments=f"{option('ssh_common_args') or ''} {option('ssh_extra_args') or ''}".strip(),
            legacy_algorithms=option("legacy_algorithms"),
            transcript_file=option("transcript_file"),
            transcript_anonymous=option("transcript_anonymous"),
        )
        timeouts = Timeouts(
            login=option("login_timeout"), command=option("command_timeout"), commit=option("commit_timeout")
        )
        return settings, timeouts

    # -- credentials ---------------------------------------------------------------------------------------------------

    def _credentials(self) -> tuple[str | None, str | None, str | None]:
        """User, password and key file.

        A job may have a credential for its Linux hosts, which arrives on the command line, and one for its network
        devices, which arrives in the environment. Ansible's own order would send the former to the devices.
        """
        user, of_network = self._network_first("remote_user", NET_USER)
        password, found = self._network_first("password", NET_PASSWORD)
        if of_network and not found and not self._is_variable("password"):
            password = None
        key_file, found = self._network_first("private_key_file", NET_KEY_FILE)
        if of_network and not found and not self._is_variable("private_key_file"):
            key_file = None
        return user or None, password or None, key_file or None

    def _network_first(self, option: str, variable: str) -> tuple[str | None, bool]:
        """The option's value, and whether it is that of the network credential."""
        of_network = os.environ.get(variable)
        if of_network and not self._is_variable(option):
            return of_network, True
        return self.get_option(option), False

    def _is_variable(self, option: str) -> bool:
        """Whether a variable of the host has set the option. Old releases of Ansible don't keep where one is from."""
        definition = constants.config.get_configuration_definition(option, "connection", self._load_name)
        return any(self._variables.get(entry["name"]) for entry in definition["vars"])
