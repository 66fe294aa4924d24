# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nornir with its netmiko plugin, as its documentation shows it. `client_nornir.py JOB`"""

from __future__ import annotations

import sys

from client_netmiko import configure
from lines import finish, job_from
from nornir.core import Nornir
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Result, Task
from nornir.plugins.runners import ThreadedRunner


def main() -> None:
    job = job_from(sys.argv[1])
    options = {"netmiko": ConnectionOptions(platform="huawei_vrpv8", extras={"conn_timeout": 120})}
    hosts = Hosts(
        {
            str(device["name"]): Host(
                name=str(device["name"]),
                hostname=str(device["address"]),
                port=int(str(device["port"])),
                username=job.user,
                password=job.password,
                connection_options=options,
            )
            for device in job.devices
        }
    )
    ConnectionPluginRegister.auto_register()
    nornir = Nornir(
        inventory=Inventory(hosts=hosts, groups=Groups({}), defaults=Defaults()),
        runner=ThreadedRunner(num_workers=job.sessions),
    )

    def work(task: Task) -> Result:
        connection = task.host.get_connection("netmiko", task.nornir.config)
        return Result(task.host, result=configure(connection, job, task.host.name))

    results = nornir.run(work)
    nornir.close_connections()
    told = [str(result[0].exception or result[0].result or "") for result in results.values()]
    finish([failure for failure in told if failure])


if __name__ == "__main__":
    main()
