# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure-commit-read sessions with scrapli and scrapli-community.

A JSON list of orders comes in on standard input, one for each device; a list of answers goes out.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scrapli import Scrapli


def serve(order: dict[str, Any]) -> dict[str, Any]:
    connection = Scrapli(
        platform="huawei_vrp",
        host=order["address"],
        port=order["port"],
        auth_username=order["user"],
        auth_password=order["password"],
        auth_strict_key=False,
        transport="system",
        ssh_config_file=False,
        timeout_ops=30,
        timeout_socket=30,
        timeout_transport=30,
    )
    with connection:
        version = connection.send_command("display version").result
        commit = ["commit"] if order["two_stage"] else []
        configured = connection.send_configs([*order["lines"], *commit])
        current = connection.send_command("display current-configuration").result
        prompt = connection.get_prompt()
    return {"version": version, "current": current, "saved": "", "prompt": prompt, "failed": configured.failed}


def main() -> None:
    orders = json.load(sys.stdin)
    with ThreadPoolExecutor(len(orders)) as pool:
        print(json.dumps(list(pool.map(serve, orders))))


if __name__ == "__main__":
    main()
