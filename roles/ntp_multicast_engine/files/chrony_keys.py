# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give chronyd the keys of its sources: a block of its key file, made from the engine's key file on the same host.

So no secret comes over the network twice, and none is in an argument or an answer. The role puts chrony_key_block.py
before it, and runs both as one.
Arguments: the engine's key file, chronyd's key file, its user, whether to look only, and the ids as JSON.
"""

from __future__ import annotations

import base64
import json
import os
import sys

if "parted" not in globals():
    from chrony_key_block import BEGIN, END, block_in, lines_in, parted, set_block

# The types of chrony.keys(5) that mean what an algorithm of ours means.
TYPES = {"md5": "MD5", "aes-128-cmac": "AES128", "aes-256-cmac": "AES256"}
DECODERS = {"base64": lambda text: base64.b64decode(text, validate=True), "hex": bytes.fromhex}


class Refused(Exception):
    """What can't be done; the text says why, and has no secret."""


def ids_of(lines):
    words = [line.split() for line in lines]
    return {int(each[0]) for each in words if each and each[0].isascii() and each[0].isdecimal()}


def block_of(path, ids):
    """The block with these keys of the engine's key file."""
    known = {int(line.split()[0]): line.split() for line in lines_in(path) if line[:1].isdecimal()}
    block = []
    for number in sorted(ids):
        if number not in known:
            raise Refused(f"key {number} is not in {path}, so chronyd can't have it.")
        _id, algorithm, text = known[number]
        if algorithm not in TYPES:
            raise Refused(f"key {number}: chronyd has nothing that works with the algorithm {algorithm}.")
        encoding, _colon, value = text.partition(":")
        block.append(f"{number} {TYPES[algorithm]} HEX:{DECODERS[encoding](value).hex()}")
    return [BEGIN, *block, END] if block else []


def bring(source, path, user, look, ids):
    """Make the block of the file have these keys; return whether anything changes."""
    taken = sorted(set(ids) & ids_of(parted(lines_in(path))[0]))
    if taken:
        raise Refused(
            f"{path} already has key {', '.join(map(str, taken))}, which is somebody else's. "
            "Give the key of the unicast server another id, or remove that line."
        )
    wanted = block_of(source, ids)
    if wanted == block_in(path):
        return False
    if not look:
        set_block(path, wanted, user)
    return True


def main():
    source, path, user, look, ids = sys.argv[1:]
    os.umask(0o077)
    try:
        print(json.dumps({"changed": bring(source, path, user, look == "True", json.loads(ids))}))
    except (Refused, OSError) as error:
        print(error)
        return 1
    except (ValueError, KeyError):  # its text may have a part of a secret
        print(f"{source} is not a key file of the engine.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
