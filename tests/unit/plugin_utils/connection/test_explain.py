# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user reads when no session comes about: one sentence or a few, without names of exceptions."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

import asyncssh
import paramiko
import pytest
from unit.plugin_utils.connection.servers import PASSWORD, USER, Behaviour, Server, answering, serving

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection import explain
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.errors import (
    LoginRefused,
    SshError,
    TooSlow,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.explain import (
    Situation,
    Step,
    explained,
    keyscan_command,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.login import Client
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.route import Route
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.connection.settings import Settings

ROUTE = Route("192.0.2.1", 22, "ops")
# What only a programmer wants to read.
NOISE = ("Errno", "None", "Exception", "Traceback", "Error(", "()", "('", "Incompatible ssh", "transport shut down")


def settings_for(port: int, **options: Any) -> Settings:
    standard: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "user": USER,
        "password": PASSWORD,
        "host_key_checking": False,
        "known_hosts_file": "/nonexistent/known_hosts",
        "ssh_arguments": "-F none",
        "allow_agent": False,
    }
    return Settings(**{**standard, **options})


def message_of(port: int, **options: Any) -> str:
    with pytest.raises(SshError) as failed:
        Client(settings_for(port, **options)).open()
    assert failed.value.__cause__ is None and failed.value.__suppress_context__  # core prints the words of causes
    message = str(failed.value)
    assert not any(noise in message for noise in NOISE), message
    return message


# -- algorithms --------------------------------------------------------------------------------------------------------


def legacy_names(kind: str) -> list[str]:
    """What this paramiko knows and the connection refuses unless it is asked to."""
    return list(explain.legacy_algorithms()[kind])


@contextlib.contextmanager
def offering(**options: Any) -> Iterator[Server]:
    with serving(Behaviour(options=options)) as server:
        yield server


def test_newer_algorithms_are_no_reason_to_allow_old_ones() -> None:
    with offering(kex_algs=["curve25519-sha256"]) as server:
        for legacy in (False, True):
            message = message_of(server.port, legacy_algorithms=legacy)
            assert "offers no key exchange that is accepted here: it offers curve25519-sha256." in message
            assert "ansible_vrp_legacy_algorithms" not in message
            assert "paramiko <" not in message
            assert "ecdh-sha2-nistp256" in message  # what the device could be made to offer


def test_old_algorithms_are_advised_where_they_help() -> None:
    with offering(mac_algs=["hmac-sha1"], encryption_algs=["aes256-ctr"]) as server:
        message = message_of(server.port)
        assert "it offers hmac-sha1." in message
        assert "set ansible_vrp_legacy_algorithms to true" in message
        client = Client(settings_for(server.port, legacy_algorithms=True))
        client.open()
        client.close()


def test_algorithms_that_paramiko_has_given_up() -> None:
    with offering(kex_algs=["diffie-hellman-group1-sha1"]) as server:
        message = message_of(server.port)
    assert "it offers diffie-hellman-group1-sha1." in message
    if "diffie-hellman-group1-sha1" in legacy_names("kex"):
        assert "set ansible_vrp_legacy_algorithms to true" in message
    else:
        assert "paramiko < 5 does" in message and "ansible_vrp_legacy_algorithms" not in message


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"encryption_algs": ["chacha20-poly1305@openssh.com"]}, "cipher"),
        ({"mac_algs": ["umac-128-etm@openssh.com"], "encryption_algs": ["aes128-ctr"]}, "MAC"),
    ],
    ids=["cipher", "mac"],
)
def test_each_kind_of_algorithm_is_named(options: dict[str, Any], subject: str) -> None:
    with offering(**options) as server:
        message = message_of(server.port)
    assert f"offers no {subject} that is accepted here: it offers {next(iter(options.values()))[0]}." in message
    assert "legacy" not in message


def test_a_type_of_host_key_that_nobody_knows() -> None:
    with serving(Behaviour(host_keys=[asyncssh.generate_private_key("ssh-ed448")])) as server:
        message = message_of(server.port)
    assert "offers no type of host key that is accepted here: it offers ssh-ed448." in message


def test_another_version_of_the_protocol() -> None:
    def old_device(connection: socket.socket) -> None:
        connection.sendall(b"SSH-1.5-VRP-3.1\r\n")
        connection.recv(1000)

    with answering(old_device) as port:
        message = message_of(port)
    assert 'speaks another version of SSH ("SSH-1.5-VRP-3.1")' in message
    assert "legacy" not in message


# -- signatures --------------------------------------------------------------------------------------------------------


def clumsy_nistp521() -> Any:
    """A host key whose signatures hold numbers that are negative for a strict reader."""
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp521")

    def sign_ssh(data: bytes, sig_algorithm: bytes) -> bytes:
        number = b"\x00\x00\x00\x42" + b"\xff" + 65 * b"\x11"
        return b"\x00\x00\x00\x8c" + number + number

    key.sign_ssh = sign_ssh
    return key


def test_a_signature_that_cannot_be_read_names_the_way_round() -> None:
    with serving(Behaviour(host_keys=[clumsy_nistp521()])) as server:
        message = message_of(server.port)
    assert "ecdsa-sha2-nistp521" in message and "It offers no other type" in message


class _Negotiated:
    """A transport that came as far as the choice of a host key."""

    host_key_type = "ecdsa-sha2-nistp521"
    offered: dict[str, list[str]] = {"server_key_algo_list": ["ecdsa-sha2-nistp521", "rsa-sha2-256"]}
    farewell = ""
    remote_version = "SSH-2.0--"


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        (ValueError("Negative integers are not supported"), True),
        (IndexError("index out of range"), True),
        (paramiko.SSHException("Signature verification (ecdsa-sha2-nistp521) failed."), True),
        (paramiko.SSHException("Server kex 'f' is out of range"), False),
        (paramiko.SSHException("Mismatched MAC"), False),
        (OSError(101, "Network is unreachable"), False),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), False),
        (paramiko.SSHException("Error reading SSH protocol banner[Errno 104] Connection reset by peer"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_signature_is_blamed_on_the_host_key(error: Exception, blamed: bool) -> None:
    situation = Situation(settings_for(22), ROUTE, Step.HANDSHAKE, None, _Negotiated())  # type: ignore[arg-type]
    message = str(explained(error, situation))
    assert ("signed with its host key" in message) is blamed
    assert not any(noise in message for noise in NOISE), message


def test_the_other_key_is_taken_when_none_is_known() -> None:
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    with serving(Behaviour(host_keys=[clumsy_nistp521(), rsa])) as server:
        client = Client(settings_for(server.port))
        client.open()
        client.close()


def test_a_known_key_with_bad_signatures_gets_a_command(tmp_path: pathlib.Path) -> None:
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    known_hosts = tmp_path / "known_hosts"
    with serving(Behaviour(host_keys=[clumsy_nistp521(), rsa])) as server:
        known_hosts.write_text(server.line(server.keys[0]))
        message = message_of(server.port, known_hosts_file=str(known_hosts))
        assert "rsa-sha2-256" in message
        assert f"ssh-keyscan -p {server.port} -t rsa 127.0.0.1 >> {known_hosts}" in message
        known_hosts.write_text(server.line(rsa))
        client = Client(settings_for(server.port, known_hosts_file=str(known_hosts)))
        client.open()
        client.close()


# -- slow and silent devices -------------------------------------------------------------------------------------------


def silent(connection: socket.socket) -> None:
    connection.recv(1000)
    connection.recv(1000)


def banner_only(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0--\r\n")
    while connection.recv(1000):
        pass


@pytest.mark.parametrize(
    ("device", "step"), [(silent, "the SSH handshake"), (banner_only, "the SSH handshake")], ids=["silent", "banner"]
)
def test_a_slow_handshake_names_the_timeout(device: Any, step: str) -> None:
    with answering(device) as port:
        message = message_of(port, timeout=1)
    assert f"too slow: {step} took longer than 1 seconds. Set ansible_timeout to more" in message
    assert "password" not in message


@pytest.mark.parametrize("step", ["login", "terminal"])
def test_a_slow_login_names_the_timeout_and_not_the_password(step: str) -> None:
    with serving(Behaviour(silent=step)) as server:
        message = message_of(server.port, timeout=1)
    assert f"too slow: the {step} took longer than 1 seconds. Set ansible_timeout to more" in message
    assert "password" not in message


def test_small_packets_are_not_held_back() -> None:
    """Else each line waits for the acknowledgement of the one before, some 40 ms."""
    with serving() as server:
        client = Client(settings_for(server.port))
        client.open()
        assert client._socket is not None
        assert client._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        client.close()


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_a_device_that_opens_no_session() -> None:
    with serving(Behaviour(sessions=False)) as server:
        message = message_of(server.port)
    assert "let the user in but opens no session" in message and "VTY" in message


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f"No connection to ops@127.0.0.1:{port}: Connection refused." in message_of(port)


def test_an_unknown_name() -> None:
    message = message_of(22, host="no-such-device.invalid")
    assert "the name is not known" in message and "ansible_host" in message


def test_a_device_that_hangs_up_at_once() -> None:
    with answering(lambda connection: None) as port:
        message = message_of(port)
    assert "closed the connection during the SSH handshake" in message


def test_what_does_not_speak_ssh() -> None:
    def telnet(connection: socket.socket) -> None:
        connection.sendall(b"Login authentication\r\n" * 101)
        connection.recv(1000)

    with answering(telnet) as port:
        assert "does not speak SSH. Check ansible_port." in message_of(port)


def situation(step: Step) -> Situation:
    return Situation(Settings("192.0.2.1"), ROUTE, step)


@pytest.mark.parametrize(
    ("error", "step", "words"),
    [
        (OSError(), Step.CONNECTING, "OSError"),
        (OSError(113, "No route to host"), Step.CONNECTING, "No route to host"),
        (TimeoutError("timed out"), Step.CONNECTING, "ansible_timeout"),
        (TooSlow(), Step.TERMINAL, "the terminal took longer than 10 seconds"),
        (paramiko.SSHException("Timeout opening channel."), Step.TERMINAL, "ansible_timeout"),
        (paramiko.AuthenticationException("Authentication timeout."), Step.LOGIN, "ansible_timeout"),
        (
            paramiko.AuthenticationException("Authentication failed: transport shut down or saw EOF"),
            Step.LOGIN,
            "closed the connection during the login",
        ),
        (paramiko.SSHException("Illegal info request from server"), Step.LOGIN, "wants a new password"),
        (paramiko.ChannelException(1, "Administratively prohibited"), Step.TERMINAL, "opens no session. Perhaps"),
        (paramiko.ChannelException(4, "Resource shortage"), Step.TERMINAL, "opens no session (Resource shortage)."),
        (EOFError(), Step.TERMINAL, "closed the connection"),
        (ConnectionResetError(104, "Connection reset by peer"), Step.HANDSHAKE, "closed the connection"),
        (paramiko.SSHException("Channel closed."), Step.TERMINAL, "gives no terminal: Channel closed."),
        (LoginRefused("wrong password."), Step.LOGIN, "refused the login: wrong password."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_are_sentences(error: Exception, step: Step, words: str) -> None:
    message = str(explained(error, situation(step)))
    assert words in message
    assert message.startswith(("ops@192.0.2.1:22", "No connection to ops@192.0.2.1:22"))
    assert "Errno" not in message and "Exception" not in message and message.endswith(".")


# -- unknown host keys -------------------------------------------------------------------------------------------------


def test_an_unknown_host_key_comes_with_its_command(tmp_path: pathlib.Path) -> None:
    known_hosts = tmp_path / "my hosts"
    with serving() as server:
        message = message_of(server.port, host_key_checking=True, known_hosts_file=str(known_hosts))
        line = f"ssh-keyscan -p {server.port} 127.0.0.1 >> '{known_hosts}'"
        assert message.endswith(line)
        assert f"127.0.0.1 port {server.port} is not known: ssh-ed25519 SHA256:" in message
        assert message.count(". ") == 0  # one sentence


def test_behind_a_proxy_the_line_itself_is_given(tmp_path: pathlib.Path) -> None:
    with serving() as server:
        known_hosts = tmp_path / "known_hosts"
        message = message_of(
            server.port,
            host_key_checking=True,
            known_hosts_file=str(known_hosts),
            proxy_command=f"{sys.executable} {forwarder(tmp_path)} %h %p",
        )
        assert message.endswith(f"echo '{server.known_hosts.strip()}' >> {known_hosts}")


@pytest.mark.parametrize(
    ("file", "shown"),
    [("~/.ssh/known_hosts", "~/.ssh/known_hosts"), ("/a b", "'/a b'"), ("~/a b", "'~/a b'")],
)
def test_the_file_of_the_command_is_one_word(file: str, shown: str) -> None:
    assert keyscan_command(ROUTE, file) == f"ssh-keyscan -p 22 192.0.2.1 >> {shown}"


# -- proxies -----------------------------------------------------------------------------------------------------------

FORWARD = """
import os, socket, sys, threading
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))

def upwards():
    while data := os.read(0, 65536):
        line.sendall(data)
    line.shutdown(socket.SHUT_WR)

threading.Thread(target=upwards, daemon=True).start()
while data := line.recv(65536):
    os.write(1, data)
"""


def forwarder(directory: pathlib.Path) -> pathlib.Path:
    path = directory / "forward.py"
    path.write_text(FORWARD)
    return path


def test_a_failing_proxy_is_quoted() -> None:
    message = message_of(22, proxy_command="sh -c 'echo gate: Permission denied >&2; exit 255'")
    assert "through the proxy" in message
    assert 'ended with 255 and said: "gate: Permission denied".' in message


def test_a_proxy_that_does_not_exist() -> None:
    message = message_of(22, proxy_command="no-such-program %h")
    assert "no-such-program 127.0.0.1" in message and "not found" in message


def test_a_talkative_proxy_does_not_stop(tmp_path: pathlib.Path) -> None:
    script = forwarder(tmp_path)
    script.write_text("import sys\nsys.stderr.write('chatter\\n' * 50000)\nsys.stderr.flush()\n" + FORWARD)
    with serving() as server:
        client = Client(settings_for(server.port, proxy_command=f"{sys.executable} {script} %h %p"))
        client.open()
        client.close()


def test_a_slow_proxy_names_the_timeout_and_what_it_said() -> None:
    message = message_of(22, timeout=1, proxy_command="sh -c 'echo waiting for the gate >&2; exec sleep 30'")
    assert "Set ansible_timeout to more" in message and "waiting for the gate" in message
