# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m vrp_simulator --devices FILE.yml --log-directory DIR [--ready-file PATH] [--control SOCKET]``, or
``--transcript FILE [--port PORT]`` in place of the device file."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sys

import asyncssh
import yaml

from .control import serve_control
from .device import Device
from .errors import SettingsError
from .journal import Journal
from .ntp_process import start_processes, stop_processes
from .server import Simulator
from .settings import Settings, settings_from
from .wire import Wire

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one where the machine has it


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="vrp_simulator", description="Simulated Huawei VRP devices over SSH.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--devices", type=pathlib.Path, help="YAML file with devices and ntp")
    what.add_argument("--transcript", type=pathlib.Path, help="recorded sessions, replayed by one device")
    parser.add_argument("--port", type=int, default=0, help="TCP port of the device that replays; 0 takes a free one")
    parser.add_argument(
        "--log-directory", type=pathlib.Path, help="where the command logs go; without it there are none"
    )
    parser.add_argument("--ready-file", type=pathlib.Path, help="JSON file written when all devices listen")
    parser.add_argument("--control", help="Unix socket for control requests")
    parser.add_argument("--host-key", type=pathlib.Path, help="private host key; made when absent")
    return parser.parse_args()


def _settings(arguments: argparse.Namespace) -> Settings:
    if arguments.transcript is not None:
        device = {"name": "replayed", "port": arguments.port, "transcript": str(arguments.transcript.resolve())}
        return settings_from({"devices": [device]}, pathlib.Path.cwd())
    data = yaml.load(arguments.devices.read_text(encoding="utf-8"), Loader=_LOADER)
    return settings_from(data, arguments.devices.parent.resolve())


def _host_key(path: pathlib.Path | None) -> asyncssh.SSHKey | None:
    if path is None:
        return None
    if not path.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.export_private_key())
    return asyncssh.read_private_key(path)


def _write_ready(path: pathlib.Path, simulator: Simulator, control: str | None) -> None:
    ready = {
        "pid": os.getpid(),
        "host_key": simulator.public_host_key,
        "control": control,
        "devices": {
            name: {
                "address": device.settings.address,
                "port": simulator.ports[name],
                "host_keys": [
                    key.export_public_key().decode().strip() for key in simulator.host_keys(device.settings.ssh)
                ],
            }
            for name, device in simulator.devices.items()
        },
    }
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(ready, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


async def _run(arguments: argparse.Namespace, settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    journal = Journal(arguments.log_directory)
    devices = [Device(item, journal) for item in settings.devices]
    wire = Wire(settings.wire.round_trip_time) if settings.wire is not None else None
    simulator = Simulator(devices, _host_key(arguments.host_key), wire)
    await simulator.start()
    processes = await start_processes(devices, settings.ntp) if settings.ntp is not None else []
    control = await serve_control(simulator.devices, arguments.control, wire) if arguments.control else None
    try:
        if arguments.ready_file is not None:
            _write_ready(arguments.ready_file, simulator, arguments.control)
        if arguments.transcript is not None:
            user = settings.devices[0].users[0]
            print(
                f"127.0.0.1 port {simulator.ports['replayed']}, user {user.name}, password {user.password}", flush=True
            )
        await stopped.wait()
    finally:
        if control is not None:
            control.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(arguments.control)
        await stop_processes(processes)
        await simulator.stop()


def main() -> int:
    arguments = _arguments()
    try:
        settings = _settings(arguments)
        asyncio.run(_run(arguments, settings))
    except (OSError, yaml.YAMLError, SettingsError) as error:
        print(f"vrp_simulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
