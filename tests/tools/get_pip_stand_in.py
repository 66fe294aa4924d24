# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands where ansible-test keeps its downloaded pip installer, for machines that reach an index but not its host.

ansible-test runs it as ``get-pip.py ARGUMENTS...`` in an environment without pip. The interpreter's own ensurepip
brings one; the environment that ansible-test sets for ensurepip hides the machine's pip configuration, which is
needed to reach an index.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys

LEFT_OUT = {"--no-setuptools", "--no-wheel"}


def main() -> int:
    ensurepip.bootstrap()
    environment = {name: value for name, value in os.environ.items() if name not in {"PIP_CONFIG_FILE", "GET_PIP"}}
    arguments = [argument for argument in sys.argv[1:] if argument not in LEFT_OUT]
    return subprocess.call([sys.executable, "-m", "pip", "install", "--upgrade", *arguments], env=environment)


if __name__ == "__main__":
    sys.exit(main())
