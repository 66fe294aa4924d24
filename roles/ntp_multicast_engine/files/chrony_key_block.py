# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The block of chronyd's key file that is ours. What stands outside of it is somebody else's, and is never changed."""

from __future__ import annotations

import os
import pwd
import shutil

BEGIN = "# BEGIN ntp-multicast-engine (managed by Ansible)"
END = "# END ntp-multicast-engine"
OWN_FILE = "ntp-multicast-engine.keys"
"""The name of the file where chronyd has had none."""
KEY_FILE_MODE = 0o640


def lines_in(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read().splitlines()
    except FileNotFoundError:
        return []


def parted(lines):
    """The lines outside of the block, and those of the block."""
    outside, block, inside = [], [], False
    for line in lines:
        inside = inside or line == BEGIN
        (block if inside else outside).append(line)
        inside = inside and line != END
    return outside, block


def block_in(path):
    return parted(lines_in(path))[1]


def set_block(path, block, user):
    """Make the file have this block, in one step. It keeps its owner, mode and label; an empty one of ours goes."""
    path = os.path.realpath(path)
    lines = [*parted(lines_in(path))[0], *block]
    if not lines and os.path.basename(path) == OWN_FILE:
        os.unlink(path)
        return
    fresh = path + ".ntp-multicast-engine"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.writelines(line + "\n" for line in lines)
    if os.path.exists(path):
        status = os.stat(path)
        os.chown(fresh, status.st_uid, status.st_gid)
        shutil.copystat(path, fresh)
        os.utime(fresh)
    else:
        # chronyd reads it after it has become its user.
        os.chown(fresh, 0, pwd.getpwnam(user).pw_gid)
        os.chmod(fresh, KEY_FILE_MODE)
    os.replace(fresh, path)
