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
version_added: 0.1.0
requirements:
  - paramiko >= 3.4 (paramiko < 5 for devices that offer nothing newer than SHA-1 key exchange)
notes:
  - A play that gathers facts needs C(ansible_facts_modules=[]) on these hosts, since no fact module can run on them.
options:
  host:
    description: Name or address of the device.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_ssh_host
  port:
    description: TCP port of the device's SSH server.
    type: int
    default: 22
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
    description: User to log in as.
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
      - Password of the user, or passphrase of the private key.
      - Can also come from C(--ask-pass) or C(--connection-password-file).
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
      - Whether to try the private keys in C(~/.ssh).
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
    description: Whether to refuse devices whose host key is not known.
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
    description: File with the known host keys, read in addition to C(/etc/ssh/ssh_known_hosts).
    type: path
    default: ~/.ssh/known_hosts
    vars:
      - name: ansible_known_hosts_file
  timeout:
    description: Seconds that opening the TCP connection, the SSH handshake and the authentication may take, each.
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
    description: Seconds of silence after which the answer to a line counts as missing.
    type: float
    default: 30
    env:
      - name: ANSIBLE_PERSISTENT_COMMAND_TIMEOUT
    vars:
      - name: ansible_command_timeout
  commit_timeout:
    description: Seconds of silence after which the answer to a commit or a save counts as missing.
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
      - It appears in the process list, so it must not contain a password.
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
  legacy_algorithms:
    description:
      - Whether to accept what old devices need, that is SHA-1 and group 1 key exchange, C(ssh-rsa) host keys, CBC
        ciphers, and MACs
        with SHA-1 or MD5, as far as the installed paramiko still knows them.
    type: bool
    default: false
    vars:
      - name: ansible_vrp_legacy_algorithms
"""

import contextlib
import json
import os
import shlex
from collections.abc import Iterator
from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.facts import facts_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.known_hosts import lines_of_host
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.ssh import (
    PARAMIKO_IMPORT_ERROR,
    KeyboardInteractive,
    ShellChannel,
    fingerprint,
    jump_command,
    learn_host_key,
    legacy_algorithms,
    remember_host_key,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts

with contextlib.suppress(ImportError):  # told in words when a connection is made
    import paramiko

display = Display()

# Long lines are wrapped by the device at the width of the terminal (fact 3.5).
TERMINAL_WIDTH = 400
TERMINAL_HEIGHT = 512

FACTS_MODULE = b"ansible_collections.timecast.ntp_multicast.plugins.modules.vrp_facts"


def gathered_facts(session: Session) -> tuple[int, bytes, bytes]:
    """What the module vrp_facts would print if it could run on the device: exit code, output, errors."""
    try:
        return 0, json.dumps({"changed": False, "ansible_facts": facts_of(session)}).encode(), b""
    except DeviceError as error:
        return 1, json.dumps({"failed": True, "msg": str(error)}).encode(), b""


class Connection(ConnectionBase):
    """Logs in when a session is asked for first, and out when the task ends."""

    transport = "timecast.ntp_multicast.vrp_ssh"
    # A module comes with its command, so that no file has to be copied: see exec_command.
    has_pipelining = True
    always_pipeline_modules = True
    has_tty = False
    allow_executable = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client: Any = None
        self._session: Session | None = None

    # -- what actions use ----------------------------------------------------------------------------------------------

    def session(self) -> Session:
        """The logged-in session; a new one when the last was lost."""
        if self._session is None or self._session.lost:
            self.close()
            self._connect()
        if self._session is None:
            raise AnsibleConnectionFailure("The connection has no session.")
        return self._session

    @contextlib.contextmanager
    def second_session(self) -> Iterator[Session]:
        """Another login to the same device, for as long as the context lasts."""
        client, session = self._log_in()
        try:
            yield session
        finally:
            client.close()

    @property
    def retry(self) -> RetryPolicy:
        """How long to bear with locks."""
        return RetryPolicy(retries=self.get_option("lock_retries"), delay=self.get_option("lock_retry_delay"))

    # -- what Ansible calls --------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        if not self._connected:
            self._client, self._session = self._log_in()
            self._connected = True
        return self

    def close(self) -> None:
        """Hang up. The device drops the candidate configuration and the lock of a session that ends."""
        client, self._client, self._session = self._client, None, None
        self._connected = False
        if client is not None:
            client.close()

    def reset(self) -> None:
        """Log in anew."""
        self.close()
        self._connect()

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Refuse: a VRP device has no shell. Only facts can be had in this way, since Ansible gathers them so."""
        if in_data and FACTS_MODULE in in_data:
            return gathered_facts(self.session())
        raise AnsibleError(
            "A VRP device has no shell that could run modules or commands. Use the modules of timecast.ntp_multicast, "
            "such as vrp_ntp_multicast; for fact gathering set ansible_facts_modules to "
            "timecast.ntp_multicast.vrp_facts, or to [], on this host; "
            "for anything else delegate the task to localhost."
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

    def _log_in(self) -> tuple[Any, Session]:
        client = self._open_client()
        try:
            channel = client.invoke_shell(term="vt100", width=TERMINAL_WIDTH, height=TERMINAL_HEIGHT)
            session = Session(
                ShellChannel(channel),
                Timeouts(
                    login=self.get_option("login_timeout"),
                    command=self.get_option("command_timeout"),
                    commit=self.get_option("commit_timeout"),
                ),
            )
            session.login()
            session.quieten()
        except (DeviceError, paramiko.SSHException, OSError) as error:
            client.close()
            raise AnsibleConnectionFailure(f"Login to {self._target()} failed: {error}") from error
        except BaseException:
            client.close()
            raise
        display.vvv(f"LOGGED IN TO {session.sysname}", host=self.get_option("host"))
        return client, session

    def _open_client(self) -> Any:
        if PARAMIKO_IMPORT_ERROR is not None:
            raise AnsibleError(
                f"paramiko is not installed where Ansible runs ({PARAMIKO_IMPORT_ERROR}). "
                "Install it with: pip install paramiko"
            )
        display.vvv(f"ESTABLISH VRP SSH CONNECTION TO {self._target()}", host=self.get_option("host"))
        try:
            client = self._connected_client()
        except BaseException as error:
            if not self._only_asks(error):
                raise self._explained(error) from error
            strategy = KeyboardInteractive(self.get_option("remote_user"), self.get_option("password"))
            try:
                client = self._connected_client(auth_strategy=strategy)
            except BaseException as second_error:
                raise self._explained(second_error) from second_error
        client.get_transport().set_keepalive(self.get_option("keepalive"))
        return client

    def _connected_client(self, **options: Any) -> Any:
        client = paramiko.SSHClient()
        self._load_host_keys(client)
        password = self.get_option("password")
        private_key_file = self.get_option("private_key_file")
        allow_agent = self.get_option("allow_agent")
        timeout = self.get_option("timeout")
        try:
            client.connect(
                self.get_option("host"),
                port=self.get_option("port"),
                username=self.get_option("remote_user"),
                password=password,
                passphrase=password if private_key_file else None,
                key_filename=private_key_file or None,
                allow_agent=allow_agent if allow_agent is not None else not password,
                look_for_keys=self.get_option("look_for_keys"),
                timeout=timeout,
                banner_timeout=timeout,
                auth_timeout=timeout,
                sock=self._proxy(),
                disabled_algorithms={} if self.get_option("legacy_algorithms") else legacy_algorithms(),
                **options,
            )
        except BaseException:
            client.close()
            raise
        return client

    def _only_asks(self, error: BaseException) -> bool:
        """Whether the device takes a password only as the answer to a question."""
        return (
            isinstance(error, paramiko.BadAuthenticationType)
            and "keyboard-interactive" in error.allowed_types
            and "password" not in error.allowed_types
            and bool(self.get_option("password"))
        )

    def _explained(self, error: BaseException) -> BaseException:
        """The error of paramiko in words that say what to do; what is no error of the connection stays as it is."""
        target = self._target()
        if isinstance(error, AnsibleError) or not isinstance(error, Exception):
            return error
        if isinstance(error, paramiko.BadHostKeyException):
            return AnsibleConnectionFailure(
                f"The host key of {target} differs from the known one: it is {fingerprint(error.key)}. "
                "Someone may stand in between. If the device was replaced, remove its line from known_hosts."
            )
        if isinstance(error, paramiko.PasswordRequiredException):
            return AnsibleAuthenticationFailure("The private key is encrypted and there is no password to open it.")
        if isinstance(error, paramiko.AuthenticationException):
            return AnsibleAuthenticationFailure(
                f"{target} refused the login ({error}). Check ansible_user, ansible_password and the private key."
            )
        incompatible = getattr(paramiko.ssh_exception, "IncompatiblePeer", None)
        if incompatible is not None and isinstance(error, incompatible):
            hint = (
                f"paramiko {paramiko.__version__} knows nothing older; paramiko < 5 does."
                if self.get_option("legacy_algorithms")
                else "Set ansible_vrp_legacy_algorithms to true to accept old algorithms."
            )
            return AnsibleConnectionFailure(f"{target} offers no SSH algorithm that is accepted here ({error}). {hint}")
        return AnsibleConnectionFailure(f"No SSH connection to {target}: {error}")

    def _target(self) -> str:
        return f"{self.get_option('remote_user') or ''}@{self.get_option('host')}:{self.get_option('port')}"

    # -- host keys -----------------------------------------------------------------------------------------------------

    def _load_host_keys(self, client: Any) -> None:
        host, port = self.get_option("host"), self.get_option("port")
        hostname = host if port == paramiko.config.SSH_PORT else f"[{host}]:{port}"
        for path in ("/etc/ssh/ssh_known_hosts", self._known_hosts_file()):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as lines:
                for line in lines_of_host(lines, hostname):
                    learn_host_key(client.get_host_keys(), hostname, line.strip())
        client.set_missing_host_key_policy(self)

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        """Decide about the key of a device that is not known (paramiko calls this; hostname is `[host]:port` off port
        22)."""
        if not self.get_option("host_key_checking"):
            return
        if not self.get_option("host_key_auto_add"):
            raise AnsibleConnectionFailure(
                f"The host key of {hostname} is not known: {fingerprint(key)}. Compare it with the device, then add it "
                f"to {self._known_hosts_file()} (ssh-keyscan), or set ansible_host_key_auto_add to true."
            )
        remember_host_key(self._known_hosts_file(), hostname, key)
        display.vvv(f"ADDED HOST KEY {fingerprint(key)}", host=self.get_option("host"))

    def _known_hosts_file(self) -> str:
        return os.path.expanduser(self.get_option("known_hosts_file"))

    # -- proxies -------------------------------------------------------------------------------------------------------

    def _proxy(self) -> Any:
        command = self.get_option("proxy_command")
        jump = self.get_option("proxy_jump")
        if not command and jump:
            command = jump_command(jump)
        if not command:
            return None
        for mark, option in (("%h", "host"), ("%p", "port"), ("%r", "remote_user")):
            command = command.replace(mark, shlex.quote(str(self.get_option(option) or "")))
        return paramiko.ProxyCommand(command)
