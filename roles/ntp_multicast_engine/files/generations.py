# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations of the engine on this host: keep what is there before a change, and put it back.

A generation is what one change has replaced: files with their owners and modes, and whether the service ran. It holds
keys, so that only root can enter its folder. A change on trial is taken back by a timer of systemd, which needs neither
the controller nor the network.
Of chronyd's key file it is the block that is ours; the role puts chrony_key_block.py before this, and runs both as one.
Arguments: an operation, the folder of the generations, and a document with what it needs.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import filecmp
import json
import os
import shutil
import subprocess
import sys
import time

if "block_in" not in globals():
    from chrony_key_block import block_in, set_block

TRIAL = "ntp-multicast-engine-trial"
PENDING = "pending"
TAKEN_BACK = "taken-back.json"
FORGOTTEN = "forgotten.json"
OWN = "generations.py"
LONGEST_NOTE = 50
SECRET_FILES = ("keys",)
GENERATED = "__pycache__"
ADDITION = ".service.d/ntp-multicast-engine.conf"
# Its own text, for the timer of a trial to run; whoever starts it from another host gives it.
SOURCE = globals().get("SOURCE", "")
# The text of firewall.py, which the role puts before this program.
FIREWALL = globals().get("FIREWALL", "")
FIREWALL_RECORD = "firewall.json"
NUMBERS = ("trial", "keep")


class Refused(Exception):
    """What can't be done; the text says why."""


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def is_so(*command):
    return run(*command).returncode == 0


# -- trees -------------------------------------------------------------------------------------------------------------


def kind(path):
    if os.path.islink(path):
        return "link"
    if os.path.isdir(path):
        return "folder"
    return "file" if os.path.exists(path) else "absent"


def copy(source, target):
    """Copy a file, link or folder with its owner and mode."""
    if kind(source) == "folder":
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(GENERATED))
        for folder, folders, names in os.walk(source):
            for name in ["", *folders, *names]:
                place = os.path.join(folder, name)
                own(place, os.path.join(target, os.path.relpath(place, source)))
        return
    make_way(os.path.dirname(target))
    shutil.copy2(source, target, follow_symlinks=False)
    own(source, target)


def make_way(folder):
    """Make the folder, readable for all as it is elsewhere in /etc, whatever the mask of this program."""
    if not os.path.isdir(folder):
        make_way(os.path.dirname(folder))
        os.mkdir(folder)
        os.chmod(folder, 0o755)


def own(source, target):
    if os.path.lexists(target):
        status = os.lstat(source)
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)


def remove(path):
    if kind(path) == "folder":
        shutil.rmtree(path)
    elif kind(path) != "absent":
        os.unlink(path)


def remove_if_empty(folder):
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def same(one, other):
    """Whether two paths hold the same, generated files aside."""
    if kind(one) != kind(other):
        return False
    if kind(one) == "link":
        return os.readlink(one) == os.readlink(other)
    if kind(one) == "file":
        return filecmp.cmp(one, other, shallow=False) and access(one) == access(other)
    if kind(one) == "folder":
        names = {name for path in (one, other) for name in os.listdir(path)} - {GENERATED}
        return all(same(os.path.join(one, name), os.path.join(other, name)) for name in names)
    return True


def access(path):
    status = os.lstat(path)
    return status.st_mode, status.st_uid, status.st_gid


# -- generations -------------------------------------------------------------------------------------------------------


class Generation:
    """One folder: `generation.json` and the kept paths, by their places in its list.

    Later ones, the oldest first, have what was there of paths that it does not know: a file got another name since.
    """

    def __init__(self, store, name, later=()):
        self.name = name
        self.folder = os.path.join(store, name)
        self.later = later

    @property
    def facts(self):
        with open(os.path.join(self.folder, "generation.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def kept(self, number):
        return os.path.join(self.folder, str(number))

    def pairs(self):
        """Each path with its kept copy."""
        found = {path: self.kept(number) for number, path in enumerate(self.facts["paths"])}
        for each in self.later:
            found = {**dict(each.pairs()), **found}
        return list(found.items())

    def blocks(self):
        """Each key file of chronyd with the block that is kept of it."""
        found = self.facts.get("blocks", {})
        for each in self.later:
            found = {**dict(each.blocks()), **found}
        return list(found.items())

    def chrony_paths(self):
        return {path for each in (self, *self.later) for path in each.facts["chrony_paths"]}

    @property
    def there(self):
        return os.path.exists(os.path.join(self.folder, "generation.json"))

    @property
    def as_now(self):
        return all(same(path, kept) for path, kept in self.pairs()) and not self.changed_blocks()

    def changed_blocks(self):
        return [(path, block) for path, block in self.blocks() if block_in(path) != block]


def keep(store, document):
    """Keep what is there now as the pending generation."""
    fresh = Generation(store, PENDING + ".new")
    remove(fresh.folder)
    os.makedirs(fresh.folder, mode=0o700)
    for number, path in enumerate(document["paths"]):
        if kind(path) != "absent":
            copy(path, fresh.kept(number))
    facts = {
        "paths": document["paths"],
        "service": document["service"],
        "chrony": document["chrony"],
        "chrony_paths": document["chrony_paths"],
        "chrony_user": document.get("chrony_user", ""),
        "chrony_active": any(
            is_so("systemctl", word, "--quiet", document["chrony"]) for word in ("is-active", "is-failed")
        ),
        "chrony_enabled": is_so("systemctl", "is-enabled", "--quiet", document["chrony"]),
        "blocks": {path: block_in(path) for path in document.get("blocks", [])},
        "others": [unit for unit in document["others"] if is_so("systemctl", "is-active", "--quiet", unit)],
        "active": is_so("systemctl", "is-active", "--quiet", document["service"]),
        "state": run("systemctl", "is-active", document["service"]).stdout.strip(),
        "enabled": is_so("systemctl", "is-enabled", "--quiet", document["service"]),
        "run_id": document["run_id"],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with open(os.path.join(fresh.folder, "generation.json"), "w", encoding="utf-8") as stream:
        json.dump(facts, stream)
    pending = Generation(store, PENDING)
    remove(pending.folder)
    os.rename(fresh.folder, pending.folder)


def numbers(store):
    return sorted(int(name) for name in os.listdir(store) if name.isdecimal()) if os.path.isdir(store) else []


def promote(store, limit):
    """Make the pending generation one to go back to, and forget the oldest."""
    number = max([*numbers(store), last_taken(store)], default=0) + 1
    os.rename(Generation(store, PENDING).folder, Generation(store, str(number)).folder)
    old = [Generation(store, str(each)) for each in (numbers(store)[:-limit] if limit else numbers(store))]
    if old:
        note(store, FORGOTTEN, [{"number": int(each.name), "run_id": each.facts["run_id"]} for each in old])
    for each in old:
        remove(each.folder)
    return number


def noted(store, name):
    """What was taken back already, or is no longer kept: number and run of each generation."""
    try:
        with open(os.path.join(store, name), encoding="utf-8") as stream:
            return json.load(stream)
    except OSError:
        return []


def note(store, name, gone):
    """Remember which generations went, so that a run is neither unknown nor taken for one that changed nothing."""
    entries = [*noted(store, name), *gone][-LONGEST_NOTE:]
    fresh = os.path.join(store, name + ".new")
    with open(fresh, "w", encoding="utf-8") as stream:
        json.dump(entries, stream)
    os.replace(fresh, os.path.join(store, name))


def last_taken(store):
    return max((entry["number"] for entry in noted(store, TAKEN_BACK)), default=0)


def trial_left():
    """Whether a change is on trial."""
    return is_so("systemctl", "is-active", "--quiet", f"{TRIAL}.timer")


def disarm():
    run("systemctl", "stop", f"{TRIAL}.timer")
    run("systemctl", "reset-failed", f"{TRIAL}.service", f"{TRIAL}.timer")


def arm(store, seconds):
    done = run(
        "systemd-run",
        f"--unit={TRIAL}",
        f"--on-active={seconds}",
        "--timer-property=AccuracySec=1s",
        "--property=Type=oneshot",  # whoever starts it by hand waits until it is done
        sys.executable,
        os.path.join(store, OWN),
        "expire",
        store,
        "{}",
    )
    if done.returncode != 0:
        raise Refused(f"The trial could not be given its timer: {done.stderr.strip()}")


# -- putting back ------------------------------------------------------------------------------------------------------


def put_back(generation):
    """Bring files and services to what a generation holds. Raises Refused when the service does not run again."""
    facts = generation.facts
    service = facts["service"]
    changed = [(path, kept) for path, kept in generation.pairs() if not same(path, kept)]
    unopened = [sentence for path, kept in changed for sentence in put_back_firewall(path, kept)]
    if changed:
        run("systemctl", "stop", service)
    for path, kept in changed:
        remove(path)
        if kind(kept) != "absent":
            copy(kept, path)
        elif path.endswith(ADDITION):
            remove_if_empty(os.path.dirname(path))
    blocks = generation.changed_blocks()
    for path, block in blocks:
        set_block(path, block, facts["chrony_user"])
    run("systemctl", "daemon-reload")
    if facts["chrony"] and (blocks or any(path in generation.chrony_paths() for path, _kept in changed)):
        put_back_chrony(facts)
    if not facts["enabled"]:
        run("systemctl", "disable", service)
    if not facts["active"]:
        # One that crashes again and again is left to it: it comes up as soon as somebody mends the cause.
        run("systemctl", *(("start", "--no-block") if facts.get("state") == "activating" else ("stop",)), service)
    for unit in facts["others"]:
        # One that runs was not stopped by the change, which disables what it stops.
        if not is_so("systemctl", "is-active", "--quiet", unit):
            run("systemctl", "enable", "--now", unit)
    if facts["enabled"]:
        run("systemctl", "enable", service)
    if facts["active"]:
        done = run("systemctl", "restart" if changed else "start", service)
        if done.returncode != 0:
            raise Refused(f"What was there before is put back, but {service} does not run: {done.stderr.strip()}")
    if unopened:
        raise Refused(f"What was there before is put back, but not the rules of the firewall: {' '.join(unopened)}")
    return bool(changed or blocks)


def put_back_chrony(facts):
    """Let chronyd read what it has now, unless it did not run before the change."""
    run("systemctl", "restart" if facts.get("chrony_active", True) else "stop", facts["chrony"])
    run("systemctl", "enable" if facts.get("chrony_enabled", True) else "disable", facts["chrony"])


def put_back_firewall(path, kept):
    """Bring the firewall to what a kept folder says that was opened; yields what hinders it."""
    record, before = (os.path.join(folder, FIREWALL_RECORD) for folder in (path, kept))
    if kind(record) == kind(before) == "absent" or same(record, before):
        return
    document = "\n".join(text(before)) or "{}"
    command = [sys.executable, "-", record, document]
    done = subprocess.run(command, input=FIREWALL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield (done.stdout or done.stderr).strip()


# -- operations --------------------------------------------------------------------------------------------------------


def begin(store, document):
    """Before a change: keep what is there, and give a trial its timer."""
    if trial_left():
        raise Refused(
            "A change is on trial there. Confirm it, abort it, or wait until it is taken back by itself "
            f"(systemctl list-timers {TRIAL}.timer)."
        )
    if kind(store) == "link":
        raise Refused(
            f"{store} is a symbolic link, to {os.readlink(store)}, and is not followed, for keys lie there. Remove it."
        )
    os.makedirs(store, mode=0o700, exist_ok=True)
    os.chmod(store, 0o700)
    with open(os.path.join(store, OWN), "w", encoding="utf-8") as stream:
        stream.write(SOURCE)
    pending = Generation(store, PENDING)
    if pending.there and not pending.as_now:
        promote(store, document["keep"])  # a run that was broken off
    keep(store, document)
    if document["trial"]:
        arm(store, document["trial"])
    return {"fresh": not os.path.exists(document["unit"])}


def gone(document):
    """Why what was kept is not there any more: only the timer of a trial, or another run, takes it."""
    if document["trial"]:
        return Refused("The time of the trial was over, and what was there before is back.")
    return Refused("Another run was at this host at the same time, and ended first. Run this again by itself.")


def end(store, document):
    """After a change that went well: it is one to go back from, or stays on trial."""
    pending = Generation(store, PENDING)
    if not pending.there:
        raise gone(document)
    if pending.as_now:
        disarm()
        remove(pending.folder)
        return {"generation": None, "trial": False}
    if document["stays"]:
        return {"generation": None, "trial": True}
    disarm()
    if not pending.there:
        raise gone(document)
    return {"generation": promote(store, document["keep"]), "trial": False}


def restore(store, _document):
    """After a change that went wrong: put back what was there before it."""
    pending = Generation(store, PENDING)
    disarm()
    if not pending.there:
        return {"changed": False}
    changed = put_back(pending)
    remove(pending.folder)
    return {"changed": changed}


def expire(store, document):
    """What the timer of a trial does. The run that is at it finds its generation gone."""
    return restore(store, document)


def shown(store, _document):
    """The generations, the newest first."""
    found = []
    for number in reversed(numbers(store)):
        facts = Generation(store, str(number)).facts
        found.append({"number": number, "run_id": facts["run_id"], "time": facts["time"]})
    return {
        "generations": found,
        "taken_back": noted(store, TAKEN_BACK),
        "forgotten": noted(store, FORGOTTEN),
        "trial": trial_left(),
    }


def target(store, run_id):
    """The generations that go when the host goes back to before a run, the newest first."""
    found = [number for number in numbers(store) if Generation(store, str(number)).facts["run_id"] == run_id]
    return [number for number in reversed(numbers(store)) if found and number >= found[0]]


def difference(generation):
    """What going back would change, as a unified difference without secrets."""
    lines = []
    for path, kept in generation.pairs():
        if kind(path) == "folder" or kind(kept) == "folder":
            names = sorted({name for each in (path, kept) if kind(each) == "folder" for name in os.listdir(each)})
            pairs = [(os.path.join(path, name), os.path.join(kept, name)) for name in names if name != GENERATED]
        else:
            pairs = [(path, kept)]
        for one, other in pairs:
            if not same(one, other):
                lines += difference_of(one, other)
    return lines + [line for path, _block in generation.changed_blocks() for line in not_shown(path)]


def difference_of(path, kept):
    if os.path.basename(path) in SECRET_FILES or "folder" in (kind(path), kind(kept)):
        return not_shown(path)
    return list(difflib.unified_diff(text(path), text(kept), path, path, lineterm="", n=1))


def not_shown(path):
    return [f"--- {path}", f"+++ {path}", "(content not shown)"]


def text(path):
    if kind(path) == "link":
        return [f"-> {os.readlink(path)}"]
    if kind(path) == "absent":
        return []
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read().splitlines()


def roll_back(store, document):
    """Go back to before a run; with `look`, only tell what that would change."""
    if trial_left():
        raise Refused("A change is on trial there. Confirm or abort it first.")
    run_id = document["run_id"]
    going = target(store, run_id)
    done = [entry["number"] for entry in noted(store, TAKEN_BACK) if entry["run_id"] == run_id]
    if any(entry["run_id"] == run_id for entry in noted(store, FORGOTTEN)) and (going or not done):
        raise Refused(f"What was there before the run {run_id} is no longer kept (ntp_multicast_engine_generations).")
    if not going:
        return {"changed": False, "listed": bool(done), "others": [], "diff": []}
    oldest = Generation(store, str(going[-1]), [Generation(store, str(number)) for number in reversed(going[:-1])])
    runs = [Generation(store, str(number)).facts["run_id"] or "" for number in going]
    others = sorted({each or "a run without an id" for each in runs if each != run_id})
    if others and not document["others"]:
        return {"changed": False, "listed": True, "others": others, "diff": []}
    told = {"listed": True, "others": others, "diff": difference(oldest)}
    if not document["look"]:
        put_back(oldest)
        note(store, TAKEN_BACK, [{"number": number, "run_id": each} for number, each in zip(going, runs)])
        for number in going:
            remove(Generation(store, str(number)).folder)
    return {"changed": True, **told}


def confirm(store, document):
    """Make a change on trial permanent."""
    pending = Generation(store, PENDING)
    if not trial_left() or not pending.there:
        return {"changed": False}
    if not document.get("look"):
        disarm()
        if not pending.there:
            raise Refused("The time of the trial was over, and what was there before is back.")
        promote(store, document["keep"])
    return {"changed": True}


OPERATIONS = {
    "begin": begin,
    "end": end,
    "restore": restore,
    "expire": expire,
    "list": shown,
    "roll_back": roll_back,
    "confirm": confirm,
}


def read_document(text):
    """What the role tells; ansible-core 2.16 hands numbers on as text."""
    document = json.loads(text)
    return {**document, **{name: int(document[name]) for name in NUMBERS if name in document}}


def refused_by_system(error, store):
    advice = {
        errno.EROFS: "The file system is mounted read-only: mount it writable.",
        errno.ENOSPC: "The file system is full: make room there (df).",
        errno.EACCES: "Let the play become root (become: true).",
        errno.EEXIST: "Something else has the place of the folder: move it away.",
        errno.ENOTDIR: "Something else has the place of the folder: move it away.",
    }.get(error.errno, "")
    return f"{error.filename or store}: {error.strerror or error}. {advice}".strip()


def main():
    operation, store, document = sys.argv[1:]
    os.umask(0o077)
    try:
        print(json.dumps(OPERATIONS[operation](store, read_document(document))))
    except Refused as refusal:
        print(refusal)
        return 1
    except OSError as error:
        print(refused_by_system(error, store))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
