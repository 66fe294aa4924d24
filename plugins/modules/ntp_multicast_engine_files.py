# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ntp_multicast_engine_files
short_description: Make a folder hold exactly these text files
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - The role P(timecast.ntp_multicast.ntp_multicast_engine#role) deploys with it.
  - A folder of many small files takes one task and one round trip,
    where M(ansible.builtin.copy) takes several for each file.
  - Files in the folder that are not named are removed, so that nothing of an older version stays.
    C(__pycache__) is left alone.
  - Secrets are written by the module itself. Neither they nor a copy of them touch a temporary file on the host,
    nor on the controller. Where Ansible can't do without one, since C(ansible_pipelining) is off or
    C(become_method) is V(su), secrets are refused.
  - All files and folders belong to the user who runs the module, usually root, and nobody else can write to them.
    What is different is corrected, with the SELinux label that the policy of the host has for it.
  - Symbolic links are never followed. One in place of a folder or file below O(path) is replaced,
    one in place of O(path) itself is refused. A folder in place of a file below O(path) goes with what is in it.
options:
  path:
    description: The folder. It is made where it is missing, and so are the folders below it.
    type: path
    required: true
  state:
    description: V(absent) removes the folder with everything in it, and the O(links).
    type: str
    choices: [present, absent]
    default: present
  src:
    description:
      - A folder on the controller, searched where M(ansible.builtin.copy) searches.
        Its files are added to O(files) below its own name.
      - Folders named C(__pycache__) or C(tests) in it are left out.
    type: str
  files:
    description: Names, relative to O(path), and contents.
    type: dict
    default: {}
  secrets:
    description: The same for files that only their owner may read, mode C(0600). Their contents are never shown.
    type: dict
    default: {}
  executables:
    description: Those O(files) that may be run, mode C(0755) and not C(0644).
    type: list
    elements: str
    default: []
  links:
    description:
      - Absolute names of symbolic links, each with the name, relative to O(path), of the file it shows.
      - What has such a name and is no symbolic link is somebody's own, and is refused before anything is changed.
    type: dict
    default: {}
  keep:
    description: Names, relative to O(path), of files that may also be there and are left alone.
    type: list
    elements: str
    default: []
  validate:
    description:
      - A command, as a list, that judges each of the O(files) before it takes its place.
        C(%s) stands for its name until then.
      - Nothing is replaced when it fails. It is not run in check mode.
    type: list
    elements: str
  compile:
    description: Whether to compile Python files beforehand, for a service that may not write there itself.
    type: bool
    default: false
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows which files come and go, and the differences of those that change.
        What comes is shown whole as long as it is little. Of secrets it shows only that they change.
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
seealso:
  - module: ansible.builtin.copy
"""

EXAMPLES = r"""
- name: Deploy a small package with its command
  timecast.ntp_multicast.ntp_multicast_engine_files:
    path: /usr/local/lib/beacon
    src: beacon
    files:
      bin/beacon: |
        #!/bin/sh
        exec /usr/bin/python3 /usr/local/lib/beacon/beacon
    executables:
      - bin/beacon
    links:
      /usr/local/bin/beacon: bin/beacon
"""

RETURN = r"""
changed_files:
  description:
    - Names, relative to O(path), of the files that were written, got other permissions, or were removed;
      and the links that were made or removed.
  returned: always
  type: list
  elements: str
  sample: [engine.json]
"""

import compileall
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes, to_text

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "src": {"type": "str"},
    "files": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "executables": {"type": "list", "elements": "str", "default": []},
    "links": {"type": "dict", "default": {}},
    "keep": {"type": "list", "elements": "str", "default": []},
    "validate": {"type": "list", "elements": "str"},
    "compile": {"type": "bool", "default": False},
}
FOLDER_MODE = 0o755
LITTLE = 4096  # octets of new files that a diff shows; a whole program would bury everything else
GENERATED = "__pycache__"
FOLDERS_MADE = ".folders"  # names of the folders that were made for links, so that they can be removed again


class Wanted:
    """A file as it shall be: its content as octets, its mode, and whether its content is a secret."""

    def __init__(self, content: str, mode: int, secret: bool = False) -> None:
        self.content: bytes = to_bytes(content, errors="surrogate_or_strict")
        self.mode = mode
        self.secret = secret


def wanted_files(params: dict[str, Any]) -> dict[str, Wanted]:
    """Relative name -> Wanted."""
    executables = set(params["executables"])
    wanted = {name: Wanted(text, 0o755 if name in executables else 0o644) for name, text in params["files"].items()}
    wanted.update({name: Wanted(text, 0o600, secret=True) for name, text in params["secrets"].items()})
    return wanted


def wrong_names(params: dict[str, Any]) -> Iterator[str]:
    """A sentence for each name that leads out of the folder, and for links and executables that show nothing."""
    names = set(params["files"]) | set(params["secrets"])
    for option in ("files", "secrets"):
        for name in params[option]:
            if not name or os.path.isabs(name) or os.path.normpath(name) != name or name.startswith(".."):
                yield f"{option}: '{name}' is no plain name relative to path."
    for name in sorted(set(params["files"]) & set(params["secrets"])):
        yield f"secrets: '{name}' is also one of the files."
    for name in params["executables"]:
        if name not in params["files"]:
            yield f"executables: '{name}' is none of the files."
    for link, name in params["links"].items():
        if not os.path.isabs(link) or (params["state"] == "present" and name not in names):
            yield f"links: '{link}' has to be an absolute name and '{name}' one of the files."


def present_files(path: str) -> set[str]:
    """Relative names of everything below the folder that is no folder, without what Python generated."""
    found: set[str] = set()
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name != GENERATED]
        found.update(os.path.relpath(os.path.join(folder, name), path) for name in names)
        found.update(
            os.path.relpath(os.path.join(folder, name), path)
            for name in folders
            if os.path.islink(os.path.join(folder, name))
        )
    return found


def read(path: str) -> tuple[bytes | None, str | None]:
    """Content of a regular file and whose it is with which mode, or (None, None) when there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None, None
    if not stat.S_ISREG(status.st_mode):
        return None, None
    with open(path, "rb") as stream:
        return stream.read(), access(status)


def access(status: os.stat_result) -> str:
    """Owner and mode as a diff shows them."""
    return f"owner: {status.st_uid}\nmode: {stat.S_IMODE(status.st_mode):04o}\n"


def wanted_access(mode: int) -> str:
    return f"owner: {os.geteuid()}\nmode: {mode:04o}\n"


class Refused(Exception):
    """The command of `validate` refused a file."""


def validator(module: AnsibleModule) -> Callable[[str], None] | None:
    """A function that raises Refused unless the command of `validate` accepts a file, or None."""
    command = module.params["validate"]
    if not command:
        return None

    def judge(path: str) -> None:
        code, output, errors = module.run_command([word.replace("%s", path) for word in command])
        if code != 0:
            raise Refused((errors or output).strip() or f"{command[0]} ended with code {code}")

    return judge


def write(path: str, wanted: Wanted, judge: Callable[[str], None] | None) -> None:
    """Put the content there at once: whoever reads the file sees the old or the new one, whole."""
    folder = os.path.dirname(path)
    make_folder(folder)
    # Made with mode 0600 in the folder itself, which only its owner can write to.
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(wanted.content)
            os.fchmod(stream.fileno(), wanted.mode)
            os.fsync(stream.fileno())
        if judge and not wanted.secret:
            judge(temporary)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def make_folder(path: str) -> list[str]:
    """Make a folder and those above it, whatever the umask; returns those that were missing, outermost first."""
    if os.path.isdir(path):
        return []
    made = make_folder(os.path.dirname(path))
    os.mkdir(path)
    os.chmod(path, FOLDER_MODE)
    return [*made, path]


def strangers(params: dict[str, Any]) -> Iterator[str]:
    """A sentence for everything in the way that is not this module's to replace."""
    if os.path.islink(params["path"]):
        yield (
            f"path: '{params['path']}' is a symbolic link, to {os.readlink(params['path'])}, and is not followed. "
            "Remove it, or name the folder itself."
        )
    elif os.path.lexists(params["path"]) and not os.path.isdir(params["path"]):
        yield f"path: '{params['path']}' is a file, and a folder shall be there. Move it away first."
    for link in sorted(params["links"]):
        if params["state"] == "present" and os.path.lexists(link) and not os.path.islink(link):
            kind = "folder" if os.path.isdir(link) else "file"
            yield f"links: '{link}' is a {kind} that somebody else has put there. Move it away first."


def folders_of(path: str, names: Iterable[str]) -> list[str]:
    """The folders below this one that these names lie in, outermost first."""
    found: set[str] = set()
    for name in names:
        while os.path.dirname(name):
            name = os.path.dirname(name)
            found.add(os.path.join(path, name))
    return sorted(found)


def within(path: str, folder: str) -> list[str]:
    """Names, relative to the path, of the files in a folder below it."""
    return sorted(os.path.relpath(os.path.join(folder, name), path) for name in present_files(folder))


def clear_the_way(path: str, names: Iterable[str], change: Change, check_mode: bool) -> None:
    """Remove what stands in place of a folder or file: a symbolic link would lead the files elsewhere."""
    for folder in folders_of(path, names):
        if os.path.lexists(folder) and (os.path.islink(folder) or not os.path.isdir(folder)):
            change.names.append(folder)
            change.went.append(os.path.relpath(folder, path))
            if not check_mode:
                os.unlink(folder)
    for file in sorted(os.path.join(path, name) for name in names):
        if os.path.isdir(file) and not os.path.islink(file):
            change.names.append(file)
            change.went += [os.path.relpath(file, path), *(within(path, file))]
            if not check_mode:
                shutil.rmtree(file)


def folders_below(path: str) -> Iterator[str]:
    """All folders below this one but those that Python generated."""
    for folder, folders, _names in os.walk(path):
        folders[:] = sorted(name for name in folders if name != GENERATED)
        for name in folders:
            if not os.path.islink(os.path.join(folder, name)):
                yield os.path.join(folder, name)


def clear_foreign_caches(path: str, change: Change, check_mode: bool) -> None:
    """Remove what Python would take for its own compiled files, but somebody else may have put there."""
    for folder, folders, names in os.walk(path):
        if GENERATED not in folders + names:
            continue
        cache = os.path.join(folder, GENERATED)
        status = os.lstat(cache)
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022:
            continue
        change.names.append(cache)
        if check_mode:
            continue
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(cache)
        else:
            os.unlink(cache)


def own_folder(path: str, change: Change, check_mode: bool) -> None:
    """Make sure that nobody else can put files into the folder."""
    try:
        before = access(os.lstat(path))
    except OSError:
        return
    after = wanted_access(FOLDER_MODE)
    if before == after:
        return
    change.names.append(path)
    change.differences.append({"before_header": path, "after_header": path, "before": before, "after": after})
    if not check_mode:
        os.chown(path, os.geteuid(), -1)
        os.chmod(path, FOLDER_MODE)


def remove_empty_folders(path: str) -> None:
    """Remove the folders below this one that hold nothing but what Python generated."""
    for folder, _folders, _names in os.walk(path, topdown=False):
        left = os.listdir(folder)
        if folder != path and set(left) <= {GENERATED} and os.path.basename(folder) != GENERATED:
            shutil.rmtree(folder)


def difference(name: str, path: str, before: tuple[bytes | None, str | None], wanted: Wanted) -> dict[str, Any]:
    """The entry of the result's diff for a file that changes."""
    header = os.path.join(path, name)
    if wanted.secret:
        return {"before_header": header, "after_header": header, "before": "", "after": "(content not shown)\n"}
    content, owner_and_mode = before
    if content == wanted.content:
        return {
            "before_header": header,
            "after_header": header,
            "before": owner_and_mode,
            "after": wanted_access(wanted.mode),
        }
    return {
        "before_header": header,
        "after_header": header,
        "before": to_text(content, errors="replace"),
        "after": to_text(wanted.content),
    }


class Change:
    """What a run has changed, or would change."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.differences: list[dict[str, Any]] = []
        self.came: list[str] = []
        self.went: list[str] = []

    def diff(self, path: str, wanted: dict[str, Wanted]) -> list[dict[str, Any]]:
        """The result's diff: the list of files that come and go, then each file that changes or is new."""
        new = [(name, wanted[name]) for name in self.came if name in wanted]
        if sum(len(file.content) for _name, file in new if not file.secret) <= LITTLE:
            self.differences += [difference(name, path, (b"", None), file) for name, file in new]
        if not self.came and not self.went:
            return self.differences
        listed = {
            "before_header": path,
            "after_header": path,
            "before": "".join(f"{name}\n" for name in self.went),
            "after": "".join(f"{name}\n" for name in self.came),
        }
        return [listed, *self.differences]


def make_files(
    path: str,
    wanted: dict[str, Wanted],
    keep: Iterable[str],
    judge: Callable[[str], None] | None,
    check_mode: bool,
) -> Change:
    """Bring the folder to the wanted files; returns the Change."""
    change = Change()
    own_folder(path, change, check_mode)
    clear_the_way(path, wanted, change, check_mode)
    clear_foreign_caches(path, change, check_mode)
    for folder in folders_below(path):
        own_folder(folder, change, check_mode)
    for name in sorted(wanted):
        before = read(os.path.join(path, name))
        if before == (wanted[name].content, wanted_access(wanted[name].mode)):
            continue
        change.names.append(name)
        if before[0] is None:
            change.came.append(name)
        else:
            change.differences.append(difference(name, path, before, wanted[name]))
        if not check_mode:
            write(os.path.join(path, name), wanted[name], judge)
    for name in sorted(present_files(path) - set(wanted) - set(keep) - set(change.went) - {FOLDERS_MADE}):
        change.names.append(name)
        change.went.append(name)
        if not check_mode:
            os.unlink(os.path.join(path, name))
    if change.went and not check_mode:
        remove_empty_folders(path)
    return change


def make_links(links: dict[str, str], path: str, change: Change, check_mode: bool) -> None:
    """Make the symbolic links that are missing or show something else."""
    for link in sorted(links):
        target = os.path.join(path, links[link])
        if os.path.islink(link) and os.readlink(link) == target:
            continue
        change.names.append(link)
        change.came.append(f"{link} -> {target}")
        if check_mode:
            continue
        remember_folders(path, make_folder(os.path.dirname(link)))
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(target, link)


def remember_folders(path: str, made: Iterable[str]) -> None:
    """Note in the folder which others were made because of it."""
    if made:
        with open(os.path.join(path, FOLDERS_MADE), "a", encoding="utf-8") as stream:
            stream.writelines(f"{folder}\n" for folder in made)


def remove_made_folders(path: str) -> None:
    """Remove those of the noted folders that are empty by now."""
    try:
        with open(os.path.join(path, FOLDERS_MADE), encoding="utf-8") as stream:
            made = stream.read().splitlines()
    except OSError:
        return
    for folder in sorted(made, key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # Others use it, or have removed it.


def remove(path: str, links: dict[str, str], check_mode: bool) -> Change:
    """Remove the folder and the links; returns the Change."""
    change = Change()
    for link in sorted(links):
        # One that shows something else is somebody's own.
        if os.path.islink(link) and os.readlink(link) == os.path.join(path, links[link]):
            change.names.append(link)
            change.went.append(link)
            if not check_mode:
                os.unlink(link)
    if os.path.isdir(path):
        change.went += sorted(present_files(path) - {FOLDERS_MADE})
        change.names.append(path)
        if not check_mode:
            remove_made_folders(path)
            shutil.rmtree(path)
    return change


def label(module: AnsibleModule, names: Iterable[str], change: Change) -> None:
    """Give files, folders and links the SELinux labels of the host's policy, as Ansible's own file modules do."""
    if not module.selinux_enabled():
        return
    for name in names:
        try:
            mode = os.lstat(name).st_mode
        except OSError:
            continue  # In check mode what is new is not there.
        context = module.selinux_default_context(name, mode)
        if module.set_context_if_different(name, context, False) and name not in change.names:
            change.names.append(name)


def reason(error: OSError, path: str) -> str:
    """A sentence for what the operating system refused."""
    advice = {
        errno.EROFS: ": the file system is mounted read-only, mount it writable",
        errno.ENOSPC: ": the file system is full, make room there (df)",
    }.get(error.errno or 0, "")
    return f"{error.filename or path}: {error.strerror or error}{advice}"


def main() -> None:
    # No invocation in the log of the host: it would hold every file.
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True, no_log=True)
    params = module.params
    # Nor in what is printed.
    shown = {"module_args": {name: params[name] for name in ("path", "state", "links", "keep")}}
    wrong = list(wrong_names(params)) + list(strangers(params))
    if wrong:
        module.fail_json(msg=" ".join(wrong), invocation=shown)
    wanted = wanted_files(params)
    try:
        if params["state"] == "absent":
            change = remove(params["path"], params["links"], module.check_mode)
        else:
            change = make_files(params["path"], wanted, params["keep"], validator(module), module.check_mode)
            make_links(params["links"], params["path"], change, module.check_mode)
            places = [params["path"], *folders_below(params["path"])]
            places += [os.path.join(params["path"], name) for name in sorted(wanted)]
            label(module, [*places, *sorted(params["links"])], change)
            if params["compile"] and change.names and not module.check_mode:
                compileall.compile_dir(params["path"], quiet=2)
    except Refused as refusal:
        module.fail_json(msg=f"validate: {refusal}", invocation=shown)
    except OSError as error:
        module.fail_json(msg=reason(error, params["path"]), invocation=shown)
    module.exit_json(
        changed=bool(change.names),
        changed_files=change.names,
        diff=change.diff(params["path"], wanted),
        invocation=shown,
    )


if __name__ == "__main__":
    main()
