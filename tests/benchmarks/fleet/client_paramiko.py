# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor: the least that a Python program with paramiko can do, in threads. `client_paramiko.py JOB`

It knows the prompts beforehand, copes with no question and no error, and is no tool that anyone should use.
"""

from __future__ import annotations

import concurrent.futures
import sys

import paramiko
from lines import Job, finish, job_from


def talk(job: Job, device: dict[str, object], host_keys: paramiko.HostKeys) -> str:
    """Configure one device; "" or what went wrong."""
    name, address, port = str(device["name"]), str(device["address"]), int(str(device["port"]))
    client = paramiko.SSHClient()
    for kind, key in host_keys[f"[{address}]:{port}"].items():
        client.get_host_keys().add(f"[{address}]:{port}", kind, key)
    client.connect(
        address, port, job.user, job.password, allow_agent=False, look_for_keys=False, timeout=120, banner_timeout=120
    )
    try:
        channel = client.invoke_shell(width=400, height=512)
        channel.settimeout(120)

        def until(*ends: str) -> str:
            text = ""
            while not text.endswith(ends):
                data = channel.recv(65536)
                if not data:
                    raise OSError(f"{name} hung up after {text[-80:]!r}")
                text += data.decode()
            return text

        def say(line: str) -> str:
            channel.sendall(f"{line}\n".encode())
            return until(f"<{name}>", f"{name}]", f"{name}-{job.interface}]")

        until(f"<{name}>")
        say("screen-length 0 temporary")
        say(job.read)
        say("system-view")
        for line in (*job.system_lines, f"interface {job.interface}", *job.interface_lines, "commit", "return"):
            answer = say(line)
            if "Error" in answer:
                return f"{name}: {answer}"
        return "" if job.expected in say(job.read) else f"{name} does not show {job.expected!r}"
    finally:
        client.close()


def main() -> None:
    job = job_from(sys.argv[1])
    host_keys = paramiko.HostKeys(job.known_hosts)
    by_name = {name: host_keys.lookup(name) for name in host_keys}
    with concurrent.futures.ThreadPoolExecutor(job.sessions) as pool:
        finish([failure for failure in pool.map(lambda device: talk(job, device, by_name), job.devices) if failure])


if __name__ == "__main__":
    main()
