# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure-commit-read sessions with netmiko.

A JSON list of orders comes in on standard input, one for each device; a list of answers goes out.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from netmiko import ConnectHandler


def serve(order: dict[str, Any]) -> dict[str, Any]:
    device_type = "huawei_vrpv8" if order["two_stage"] else "huawei"
    with ConnectHandler(
        device_type=device_type,
        host=order["address"],
        port=order["port"],
        username=order["user"],
        password=order["password"],
        fast_cli=True,
    ) as connection:
        version = connection.send_command("display version")
        if order["two_stage"]:
            connection.send_config_set(order["lines"])
            connection.commit()
        else:
            connection.send_config_set(order["lines"], exit_config_mode=True)
        current = connection.send_command("display current-configuration")
        saved = connection.save_config()
        prompt = connection.find_prompt()
    return {"version": version, "current": current, "saved": saved, "prompt": prompt}


def main() -> None:
    orders = json.load(sys.stdin)
    with ThreadPoolExecutor(len(orders)) as pool:
        print(json.dumps(list(pool.map(serve, orders))))


if __name__ == "__main__":
    main()
