# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""netmiko in threads, as its documentation shows it. `client_netmiko.py JOB`"""

from __future__ import annotations

import concurrent.futures
import sys
from typing import Any

from lines import Job, finish, job_from
from netmiko import ConnectHandler


def configure(connection: Any, job: Job, name: str) -> str:
    """Configure one device; "" or what went wrong."""
    connection.send_command(job.read)
    connection.send_config_set(
        [*job.system_lines, f"interface {job.interface}", *job.interface_lines], exit_config_mode=False
    )
    connection.commit()
    return "" if job.expected in connection.send_command(job.read) else f"{name} does not show {job.expected!r}"


def talk(job: Job, device: dict[str, Any]) -> str:
    login = {"username": job.user, "password": job.password, "conn_timeout": 120}
    with ConnectHandler(device_type="huawei_vrpv8", host=device["address"], port=device["port"], **login) as connection:
        return configure(connection, job, device["name"])


def main() -> None:
    job = job_from(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(job.sessions) as pool:
        finish([failure for failure in pool.map(lambda device: talk(job, device), job.devices) if failure])


if __name__ == "__main__":
    main()
