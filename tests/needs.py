# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test needs of the machine, and how it says that it was left out for lack of it: what is missing, and the cure.

With TIMECAST_LEAVE_NOTHING_OUT=1 a test that is left out has failed: for a machine that lacks nothing, and a network
that brings what is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import NoReturn

import pytest

LEAVE_NOTHING_OUT = os.environ.get("TIMECAST_LEAVE_NOTHING_OUT", "") not in ("", "0")
EFFORT = int(os.environ.get("TIMECAST_TEST_EFFORT", "1"))
"""How many times as long the tests may take that can take longer."""
MARK = "LEFT OUT: "
FOR_ITS_LENGTH = "it takes minutes; TIMECAST_TEST_EFFORT="
PACKAGES = {
    "gpg": "gnupg",
    "ip": "iproute2",
    "java": "default-jre-headless",
    "nft": "nftables",
    "node": "npm",
    "promtool": "prometheus",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "ssh-add": "openssh-client",
    "ssh-agent": "openssh-client",
    "ssh-keygen": "openssh-client",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
}
"""Debian's package of a command, where its name is another."""


def unless(reason: str) -> pytest.MarkDecorator:
    """Leave a test out for `reason`; "" is none."""
    return pytest.mark.skipif(bool(reason), reason=MARK + reason)


def leave_out(reason: str) -> NoReturn:
    """The same for what is only known in the middle of a test or a fixture."""
    __tracebackhide__ = True  # so that the summary names the test's own line
    pytest.skip(MARK + reason)


def no_root() -> str:
    needed = "network namespaces, containers, raw sockets and owners of files need root; run the tests as root"
    return "" if os.geteuid() == 0 else needed


def no_command(*names: str) -> str:
    absent = [name for name in names if shutil.which(name) is None]
    packages = sorted({PACKAGES.get(name, name) for name in absent})
    return f"the command {' and '.join(absent)} is missing; apt-get install {' '.join(packages)}" if absent else ""


def no_file(path: Path, part: str) -> str:
    """:param part: what `tests/tools/setup` makes it with."""
    return "" if path.exists() else f"{path.name} is missing; tests/tools/setup {part}"


def no_user_namespaces() -> str:
    if reason := no_command("unshare", "ip"):
        return reason
    command = ["unshare", "--user", "--map-root-user", "--net", "ip", "link", "add", "br0", "type", "bridge"]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return ""
    return "this kernel gives an ordinary user no namespaces; sysctl kernel.unprivileged_userns_clone=1"


root = [pytest.mark.root, unless(no_root())]
"""For `pytestmark`, or to be spread over a list of marks."""


def effort(least: int) -> pytest.MarkDecorator:
    return unless("" if least <= EFFORT else f"{FOR_ITS_LENGTH}{least}")


def commands(*names: str) -> pytest.MarkDecorator:
    return unless(no_command(*names))


def require(*reasons: str) -> None:
    """Leave out the rest for the first thing that is missing."""
    __tracebackhide__ = True
    for reason in filter(None, reasons):
        leave_out(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if LEAVE_NOTHING_OUT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if FOR_ITS_LENGTH not in reason:
            report.outcome, report.longrepr = "failed", f"{reason} (nothing may be left out here)"
    return report
