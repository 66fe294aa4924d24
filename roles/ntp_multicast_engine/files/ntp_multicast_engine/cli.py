# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: run, run-clock, check-config, check-clock, status, listen, version."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ntp_multicast_engine import __version__
from ntp_multicast_engine.clock.conflicts import clock_owners
from ntp_multicast_engine.config import configuration
from ntp_multicast_engine.errors import ConfigurationError, EngineError
from ntp_multicast_engine.observe import journal
from ntp_multicast_engine.observe import text as report
from ntp_multicast_engine.observe.status_socket import ask

LISTENING_SECONDS = 70.0
"""A packet of each sender with the usual interval of 64 s."""
MAXIMUM_LISTENING = 1e6
DEFAULT_CONFIGURATION = "/etc/ntp-multicast-engine/engine.json"


def _group(text: str) -> str:
    if "%" in text:
        raise argparse.ArgumentTypeError(f"{text} names an interface: give that with --interface")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or not address.is_multicast:
        raise argparse.ArgumentTypeError(f"{text} is no IPv4 or IPv6 multicast address, such as 224.0.1.1 or ff0e::101")
    return str(address)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAXIMUM_LISTENING:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds above 0 and up to {MAXIMUM_LISTENING:g}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ntp-multicast-engine", description="NTP multicast server and client")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, configured: bool = True
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=run)
        if configured:
            command.add_argument("--config", type=Path, default=Path(DEFAULT_CONFIGURATION), metavar="FILE")
        return command

    add("run", _run, "run in the foreground")
    add("check-config", _check, "check the configuration and the keys")
    helper = add("run-clock", _run_clock, "read and set the clock for an engine that has no right to it")
    helper.add_argument(
        "--service", type=Path, required=True, metavar="DIRECTORY", help="serve the owner of this directory alone"
    )
    helper.add_argument(
        "--initial-step-used", type=Path, metavar="FILE", help="while there is this file, the initial step is used"
    )
    status = add("status", _status, "show what a running engine does")
    status.add_argument("--socket", metavar="PATH", help="status socket; overrides the one of the configuration")
    status.add_argument("--json", action="store_true", help="print JSON")
    listen = add("listen", _listen, "tell who sends to the groups; needs no running engine")
    listen.add_argument("--interface", metavar="NAME", help="on this interface alone")
    listen.add_argument("--group", type=_group, metavar="ADDRESS", help="this group alone, configured or not")
    listen.add_argument("--seconds", type=_seconds, default=LISTENING_SECONDS, metavar="N", help="for so long")
    listen.add_argument("--json", action="store_true", help="print JSON")
    add("check-clock", _check_clock, "tell whether another program steers this machine's clock", configured=False)
    add("version", _version, "print the version", configured=False)
    return parser


def _run(options: argparse.Namespace) -> int:
    # Here, because the other commands don't need what the daemon needs.
    from ntp_multicast_engine.daemon.daemon import Daemon

    journal.set_up(os.environ)
    Daemon(options.config, os.environ).run()
    return 0


def _run_clock(options: argparse.Namespace) -> int:
    # Here, because the engine, which has to do with the network, doesn't need it.
    from ntp_multicast_engine.clock.helper.service import ClockService

    journal.set_up(os.environ)
    ClockService(options.config, options.service, os.environ, before=options.initial_step_used).run()
    return 0


def _check(options: argparse.Namespace) -> int:
    loaded = configuration.load(options.config)
    wanted, keys = loaded.configuration, loaded.keys.keys
    print(f"{options.config}: {len(wanted.servers)} servers, {len(wanted.clients)} clients, {len(keys)} keys: good")
    return 0


def _check_clock(_options: argparse.Namespace) -> int:
    owners = clock_owners()
    if owners:
        print(f"{', '.join(owners)} steers this machine's clock, and there can be only one that does", file=sys.stderr)
        return 1
    print("nobody else steers this machine's clock")
    return 0


def _status(options: argparse.Namespace) -> int:
    document = ask(options.socket or configuration.read(options.config).status_socket)
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        sys.stdout.write(report.text(document))
    return 0


def _listen(options: argparse.Namespace) -> int:
    # Here, because the other commands need no sockets.
    from ntp_multicast_engine.clock.system_clock import SystemClock
    from ntp_multicast_engine.daemon.listener import listen

    heard = listen(options.config, options.interface, options.group, options.seconds, SystemClock())
    if options.json:
        print(json.dumps(heard.document(), indent=2))
    else:
        sys.stdout.write(heard.text())
    return 0 if heard.could_listen else 1


def _version(_options: argparse.Namespace) -> int:
    print(__version__)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code is 0, or 1 with the reason on standard error."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except ConfigurationError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (EngineError, OSError) as error:
        print(error, file=sys.stderr)
    return 1
