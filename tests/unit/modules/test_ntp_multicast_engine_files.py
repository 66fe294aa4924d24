# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that makes a folder hold exactly some files, on a real folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import needs
import pytest

from ansible_collections.timecast.ntp_multicast.plugins.action.ntp_multicast_engine_files import read_tree
from ansible_collections.timecast.ntp_multicast.plugins.modules import ntp_multicast_engine_files as module

SECRET = "a secret that nobody may see"


def parameters(**given: Any) -> dict[str, Any]:
    return {"files": {}, "secrets": {}, "executables": [], **given}


def make(path: Path, *, keep: tuple[str, ...] = (), judge: Any = None, check_mode: bool = False, **given: Any) -> Any:
    wanted = module.wanted_files(parameters(**given))
    change = module.make_files(str(path), wanted, keep, judge, check_mode)
    return change, change.diff(str(path), wanted)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_come_with_their_modes_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "folder"
    before = os.umask(0o077)
    try:
        change, _diff = make(
            folder,
            files={"a.py": "1\n", "bin/run": "#!/bin/sh\n"},
            executables=["bin/run"],
            secrets={"keys": SECRET},
        )
    finally:
        os.umask(before)
    assert change.names == ["a.py", "bin/run", "keys"]
    assert (folder / "a.py").read_text() == "1\n"
    assert (folder / "keys").read_text() == SECRET
    assert [mode(folder / name) for name in ("a.py", "bin/run", "keys", "bin", ".")] == [
        0o644,
        0o755,
        0o600,
        0o755,
        0o755,
    ]
    assert mode(tmp_path / "above") == 0o755


def test_the_second_time_nothing_changes(tmp_path: Path) -> None:
    files = {"a.py": "1\n", "deep/er/b.py": "2\n"}
    make(tmp_path / "folder", files=files, secrets={"keys": SECRET})
    change, diff = make(tmp_path / "folder", files=files, secrets={"keys": SECRET})
    assert (change.names, diff) == ([], [])


def test_what_is_not_wanted_goes_except_what_is_kept_and_what_python_made(tmp_path: Path) -> None:
    make(tmp_path, files={"a.py": "1\n", "old/b.py": "2\n", "keys": "k"})
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_bytes(b"")
    (tmp_path / "old" / "__pycache__").mkdir()
    (tmp_path / "link").symlink_to("/nowhere")
    change, diff = make(tmp_path, files={"a.py": "1\n"}, keep=("keys",))
    assert change.names == ["link", "old/b.py"]
    assert diff[0]["before"] == "link\nold/b.py\n"
    assert sorted(os.listdir(tmp_path)) == ["__pycache__", "a.py", "keys"]


def test_check_mode_predicts_the_same_and_touches_nothing(tmp_path: Path) -> None:
    make(tmp_path, files={"a.py": "1\n", "b.py": "2\n"})
    wanted = {"a.py": "one\n", "c.py": "3\n"}
    predicted, predicted_diff = make(tmp_path, files=wanted, check_mode=True)
    assert sorted(os.listdir(tmp_path)) == ["a.py", "b.py"]
    assert (tmp_path / "a.py").read_text() == "1\n"
    real, real_diff = make(tmp_path, files=wanted)
    assert (predicted.names, predicted_diff) == (real.names, real_diff)


@pytest.mark.parametrize("check_mode", [True, False])
def test_check_mode_works_without_the_folder(tmp_path: Path, check_mode: bool) -> None:
    change, diff = make(tmp_path / "none", files={"a.py": "1\n"}, check_mode=check_mode)
    assert change.names == ["a.py"]
    assert diff[1]["after"] == "1\n"
    assert (tmp_path / "none").exists() is not check_mode


def test_a_changed_file_is_shown_and_a_secret_is_not(tmp_path: Path) -> None:
    make(tmp_path, files={"a.py": "1\n"}, secrets={"keys": "the old one"})
    change, diff = make(tmp_path, files={"a.py": "2\n"}, secrets={"keys": SECRET})
    assert change.names == ["a.py", "keys"]
    assert (diff[0]["before"], diff[0]["after"]) == ("1\n", "2\n")
    assert SECRET not in str(diff)
    assert "the old one" not in str(diff)


def test_a_new_secret_is_not_shown(tmp_path: Path) -> None:
    _change, diff = make(tmp_path, secrets={"keys": SECRET})
    assert diff[0]["after"] == "keys\n"
    assert SECRET not in str(diff)


def test_a_whole_program_is_only_listed(tmp_path: Path) -> None:
    _change, diff = make(tmp_path / "folder", files={"a.py": "x" * module.LITTLE, "b.py": "1"})
    assert [entry["after"] for entry in diff] == ["a.py\nb.py\n"]


@pytest.mark.parametrize("wrong", [0o666, 0o640])
def test_permissions_are_corrected_and_shown(tmp_path: Path, wrong: int) -> None:
    make(tmp_path, files={"a.py": "1\n"})
    (tmp_path / "a.py").chmod(wrong)
    change, diff = make(tmp_path, files={"a.py": "1\n"})
    assert change.names == ["a.py"]
    assert f"mode: {wrong:04o}" in diff[0]["before"]
    assert "mode: 0644" in diff[0]["after"]
    assert mode(tmp_path / "a.py") == 0o644


def test_a_folder_that_others_can_write_to_is_corrected(tmp_path: Path) -> None:
    make(tmp_path, files={"a.py": "1\n"})
    tmp_path.chmod(0o777)
    change, _diff = make(tmp_path, files={"a.py": "1\n"})
    assert change.names == [str(tmp_path)]
    assert mode(tmp_path) == 0o755


def test_a_link_in_the_place_of_a_secret_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("untouched")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "keys").symlink_to(tmp_path / "target")
    make(folder, secrets={"keys": SECRET})
    assert not (folder / "keys").is_symlink()
    assert (tmp_path / "target").read_text() == "untouched"


def test_what_is_refused_takes_no_place_and_leaves_nothing_behind(tmp_path: Path) -> None:
    make(tmp_path, files={"a.json": "good"})

    def judge(path: str) -> None:
        if "bad" in Path(path).read_text():
            raise module.Refused("a.json: is bad")

    make(tmp_path, files={"a.json": "also good"}, judge=judge)
    with pytest.raises(module.Refused):
        make(tmp_path, files={"a.json": "bad"}, judge=judge)
    assert (tmp_path / "a.json").read_text() == "also good"
    assert os.listdir(tmp_path) == ["a.json"]


def test_links_are_made_corrected_and_removed(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "bin" / "run"
    make(folder, files={"run": "x"})
    for _again in range(2):
        change = module.Change()
        module.make_links({str(link): "run"}, str(folder), change, False)
    assert (change.names, os.readlink(link)) == ([], str(folder / "run"))
    link.unlink()
    link.write_text("in the way")
    module.make_links({str(link): "run"}, str(folder), change, False)
    assert (change.names, link.read_text()) == ([str(link)], "x")
    assert module.remove(str(folder), {str(link): "run"}, True).names == [str(link), str(folder)]
    assert folder.exists() and link.is_symlink()
    module.remove(str(folder), {str(link): "run"}, False)
    assert os.listdir(tmp_path) == []
    assert module.remove(str(folder), {str(link): "run"}, False).names == []


def test_folders_that_others_use_or_that_were_there_stay(tmp_path: Path) -> None:
    folder, old, new = tmp_path / "folder", tmp_path / "old", tmp_path / "new" / "er"
    old.mkdir()
    make(folder, files={"run": "x"})
    links = {str(old / "run"): "run", str(new / "run"): "run"}
    module.make_links(links, str(folder), module.Change(), False)
    assert make(folder, files={"run": "x"})[0].names == []
    (tmp_path / "new" / "of others").write_text("")
    module.remove(str(folder), links, False)
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]
    assert os.listdir(tmp_path / "new") == ["of others"]


@pytest.mark.parametrize(
    "params",
    [
        {"files": {"../a": ""}},
        {"files": {"/a": ""}},
        {"files": {"": ""}},
        {"files": {"a/../b": ""}},
        {"secrets": {"a//b": ""}},
        {"files": {"a": ""}, "secrets": {"a": ""}},
        {"executables": ["a"]},
        {"links": {"relative": "a"}, "files": {"a": ""}},
        {"links": {"/absolute": "a"}},
    ],
)
def test_names_that_lead_elsewhere_are_refused(params: dict[str, Any]) -> None:
    assert len(list(module.wrong_names({**parameters(), "links": {}, "state": "present", **params}))) == 1


def test_the_engine_is_read_without_what_does_not_belong_to_it(tmp_path: Path) -> None:
    source = tmp_path / "package"
    for name in ("__init__.py", "deep/a.py", "__pycache__/a.pyc", "tests/test_a.py", "deep/__pycache__/b.pyc"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    assert read_tree(source) == {"package/__init__.py": "__init__.py", "package/deep/a.py": "deep/a.py"}


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of somebody else, with a file that must stay as it is."""
    made = tmp_path / "elsewhere"
    made.mkdir()
    (made / "b.py").write_text("theirs\n")
    return made


def test_folders_below_are_nobody_elses_either(tmp_path: Path) -> None:
    folder, files = tmp_path / "folder", {"a.py": "1\n", "deep/er/b.py": "2\n"}
    make(folder, files=files)
    (folder / "deep" / "er").chmod(0o777)
    (folder / "deep").chmod(0o775)
    change, _diff = make(folder, files=files, check_mode=True)
    assert change.names == [str(folder / "deep"), str(folder / "deep" / "er")]
    assert mode(folder / "deep") == 0o775
    assert make(folder, files=files)[0].names == change.names
    assert [mode(folder / "deep"), mode(folder / "deep" / "er")] == [0o755, 0o755]
    assert make(folder, files=files)[0].names == []


@needs.unless(needs.no_root())
def test_a_folder_below_that_belongs_to_another(tmp_path: Path) -> None:
    make(tmp_path / "folder", files={"deep/b.py": "2\n"})
    os.chown(tmp_path / "folder" / "deep", 65534, 65534)
    change, diff = make(tmp_path / "folder", files={"deep/b.py": "2\n"})
    assert change.names == [str(tmp_path / "folder" / "deep")] and "owner: 65534" in diff[0]["before"]
    assert (tmp_path / "folder" / "deep").stat().st_uid == 0


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_link_in_the_place_of_a_folder_is_replaced_and_not_followed(
    tmp_path: Path, elsewhere: Path, check_mode: bool
) -> None:
    folder = tmp_path / "folder"
    make(folder, files={"a.py": "1\n"})
    (folder / "deep").symlink_to(elsewhere)
    change, _diff = make(folder, files={"a.py": "1\n", "deep/b.py": "2\n"}, check_mode=check_mode)
    assert str(folder / "deep") in change.names and "deep/b.py" in change.names
    assert (elsewhere / "b.py").read_text() == "theirs\n"
    assert (folder / "deep").is_symlink() == check_mode
    if not check_mode:
        assert (folder / "deep" / "b.py").read_text() == "2\n"


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("a file\n")
    make(tmp_path, files={"deep/b.py": "2\n"})
    assert (tmp_path / "deep" / "b.py").read_text() == "2\n"


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_folder_in_the_place_of_a_file(tmp_path: Path, check_mode: bool) -> None:
    """Before, each run ended with "Is a directory", and the engine had no keys."""
    folder, secrets = tmp_path / "folder", {"keys": "42 md5 HEX:00\n"}
    (folder / "keys" / "old").mkdir(parents=True)
    (folder / "keys" / "old" / "a").write_text("theirs\n")
    change, _diff = make(folder, secrets=secrets, check_mode=check_mode)
    assert change.went == ["keys", "keys/old/a"] and change.came == ["keys"]
    assert (folder / "keys").is_file() != check_mode
    if not check_mode:
        assert mode(folder / "keys") == 0o600
        assert make(folder, secrets=secrets)[0].names == []


@pytest.mark.parametrize("kind", ["link", "open to others"])
def test_compiled_files_that_somebody_else_may_have_planted(tmp_path: Path, elsewhere: Path, kind: str) -> None:
    folder = tmp_path / "folder"
    make(folder, files={"a.py": "1\n"})
    cache = folder / "__pycache__"
    if kind == "link":
        cache.symlink_to(elsewhere)
    else:
        cache.mkdir()
        cache.chmod(0o777)
        (cache / "a.cpython-39.pyc").write_bytes(b"planted")
    assert make(folder, files={"a.py": "1\n"})[0].names == [str(cache)]
    assert not cache.exists() and (elsewhere / "b.py").exists()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_link_in_the_place_of_the_folder_itself_is_refused(tmp_path: Path, elsewhere: Path, state: str) -> None:
    (tmp_path / "folder").symlink_to(elsewhere)
    params = {"path": str(tmp_path / "folder"), "state": state, "links": {}}
    (sentence,) = module.strangers(params)
    assert "is a symbolic link" in sentence and str(elsewhere) in sentence


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_file_in_the_place_of_the_folder_itself_is_refused(tmp_path: Path, state: str) -> None:
    (tmp_path / "folder").write_text("theirs\n")
    (sentence,) = module.strangers({"path": str(tmp_path / "folder"), "state": state, "links": {}})
    assert sentence.endswith("is a file, and a folder shall be there. Move it away first.")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_an_administrator_has_put_where_a_link_shall_be_is_refused(tmp_path: Path, kind: str) -> None:
    link = tmp_path / "command"
    if kind == "file":
        link.write_text("#!/bin/sh\n")
    else:
        link.mkdir()
    params = {"path": str(tmp_path / "folder"), "state": "present", "links": {str(link): "a.py"}}
    (sentence,) = module.strangers(params)
    assert sentence == f"links: '{link}' is a {kind} that somebody else has put there. Move it away first."


def test_a_link_that_shows_something_else_is_not_removed(tmp_path: Path) -> None:
    make(tmp_path / "folder", files={"a.py": "1\n"})
    link = tmp_path / "command"
    link.symlink_to("/usr/bin/env")
    module.remove(str(tmp_path / "folder"), {str(link): "a.py"}, False)
    assert link.is_symlink() and not (tmp_path / "folder").exists()


class Labels:
    """A host with SELinux: its policy and what is set."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self.set: dict[str, list[str]] = {}

    def selinux_enabled(self) -> bool:
        return self.enabled

    def selinux_default_context(self, name: str, mode: int) -> list[str]:
        return ["system_u", "object_r", "lib_t" if stat.S_ISDIR(mode) else "bin_t", "s0"]

    def set_context_if_different(self, name: str, context: list[str], changed: bool) -> bool:
        different = self.set.get(name) != context
        self.set[name] = context
        return changed or different


def test_labels_are_those_of_the_policy(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1\n")
    names = [str(tmp_path), str(tmp_path / "a.py"), str(tmp_path / "new")]
    host, change = Labels(True), module.Change()
    module.label(host, names, change)
    assert change.names == names[:2], "what is not there yet has no label"
    assert {context[2] for context in host.set.values()} == {"lib_t", "bin_t"}
    module.label(host, names, again := module.Change())
    assert again.names == []
    module.label(Labels(False), names, without := module.Change())
    assert without.names == []


def test_a_read_only_file_system_is_named() -> None:
    told = module.reason(OSError(30, "Read-only file system", "/etc/engine"), "/etc/engine")
    assert told == "/etc/engine: Read-only file system: the file system is mounted read-only, mount it writable"
    assert module.reason(OSError(13, "Permission denied"), "/etc/engine") == "/etc/engine: Permission denied"
    told = module.reason(OSError(28, "No space left on device"), "/etc/engine")
    assert told == "/etc/engine: No space left on device: the file system is full, make room there (df)"
