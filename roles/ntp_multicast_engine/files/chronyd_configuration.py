# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chronyd of a host reads (chrony.conf(5), chronyd(8)), from its service and its files."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import shutil

if "OWN_FILE" not in globals():
    from chrony_key_block import OWN_FILE

DEFAULT_FILES = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")
"""Where distributions have it; which one is compiled in."""
PROGRAM_FOLDERS = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin"
FILE_NAME = "ntp-multicast-engine.conf"
MARK = "# Managed by Ansible (timecast.ntp_multicast.ntp_multicast_engine)."
DEEPEST = 10


class Reading:
    """The files that are read, the folders of `confdir` lines, the patterns of `include` lines, and the key file."""

    def __init__(self):
        self.files = []
        self.folders = []
        self.patterns = []
        self.key_file = None

    def reads(self, path):
        """Whether chronyd would read a file of that name."""
        folder, name = os.path.split(path)
        if folder in self.folders and name.endswith(".conf"):
            return True
        return any(matches(path, pattern) for pattern in self.patterns)

    def places(self):
        """Files that could be added and would be read, the most natural first."""
        folders = [*self.folders, *(os.path.dirname(pattern) for pattern in self.patterns)]
        places = [os.path.join(folder, FILE_NAME) for folder in folders if not glob.has_magic(folder)]
        return [place for place in dict.fromkeys(places) if self.reads(place)]


def matches(path, pattern):
    """As glob(3) has it: no sign of the pattern stands for a slash, nor for the dot of a hidden file."""
    names, patterns = path.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(
        fnmatch.fnmatchcase(name, each) and name.startswith(".") <= each.startswith(".")
        for name, each in zip(names, patterns)
    )


def words_of(command, environment):
    """The words of `systemctl show -p ExecStart`, with the variables that its files set."""
    match = re.search(r"argv\[\]=(.*?) ; ", command)
    words = []
    for word in match.group(1).split() if match else []:
        name = re.match(r"\$\{?(\w+)\}?$", word)
        words += environment.get(name.group(1), "").split() if name else [word]
    return words


def environment_of(files, assignments=""):
    """The variables of `EnvironmentFile=` and `Environment=`, as far as chronyd's service needs them."""
    found = {}
    lines = assignments.split()
    for path in re.findall(r"(/\S+)", files):
        lines += read(path).splitlines()
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            found[name] = value.strip().strip("\"'")
    return found


def main_file(words, default_files=DEFAULT_FILES, program=None):
    """The file of `-f`, else the compiled-in one."""
    for word, following in zip(words, [*words[1:], ""]):
        if word == "-f":
            return following
        if word.startswith("-f"):
            return word[2:]
    program = program or shutil.which("chronyd", path=PROGRAM_FOLDERS)
    compiled = read_octets(program) if program else b""
    known = [path for path in default_files if path.encode() + b"\0" in compiled]
    return next((path for path in (*known, *default_files) if os.path.exists(path)), default_files[0])


def what_it_reads(path):
    reading = Reading()
    follow(path, reading, 0)
    return reading


def follow(path, reading, depth):
    """Take in one file and those that it names, in the order of chronyd."""
    if depth > DEEPEST or path in reading.files or not os.path.isfile(path):
        return
    reading.files.append(path)
    for line in read(path).splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "!;#%":
            continue
        directive = words[0].lower()
        if directive == "include":
            reading.patterns.append(words[1])
            for included in sorted(glob.glob(words[1])):
                follow(included, reading, depth + 1)
        elif directive == "keyfile" and os.path.basename(words[1]) != OWN_FILE:
            reading.key_file = words[1]  # the last one counts, and ours is no reason for itself
        elif directive == "confdir":
            reading.folders += [folder.rstrip("/") or "/" for folder in words[1:]]
            for included in configuration_files(words[1:]):
                follow(included, reading, depth + 1)


def configuration_files(folders):
    """The `*.conf` of several folders in the order of their names; of one name the first folder's counts."""
    found = {}
    for folder in folders:
        for path in glob.glob(os.path.join(folder, "*.conf")):
            found.setdefault(os.path.basename(path), path)
    return [found[name] for name in sorted(found)]


def written_by_us(path):
    return read(path).startswith(MARK)


def read(path):
    return read_octets(path).decode("utf-8", "replace")


def read_octets(path):
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""
