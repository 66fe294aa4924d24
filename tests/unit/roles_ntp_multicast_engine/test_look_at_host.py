# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role finds out about a host before it changes anything."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import types
from types import ModuleType
from typing import Any

import pytest

FILES = pathlib.Path(__file__).resolve().parents[3] / "roles" / "ntp_multicast_engine" / "files"


def load(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


load("chrony_key_block")
chronyd: Any = load("chronyd_configuration")
look: Any = load("look_at_host")
DEBIAN = "confdir {0}/conf.d\nsourcedir {0}/sources.d\n"
FEDORA = "sourcedir /run/chrony-dhcp\ndriftfile /var/lib/chrony/drift\n"
SUSE = "include {0}/chrony.d/*.conf\n"


def read_by(tmp_path: pathlib.Path, text: str) -> Any:
    main = tmp_path / "chrony.conf"
    main.write_text(text.format(tmp_path))
    return chronyd.what_it_reads(str(main))


class TestChronydConfiguration:
    @pytest.mark.parametrize(
        ("text", "name", "reads"),
        [
            (DEBIAN, "conf.d/ntp-multicast-engine.conf", True),
            (DEBIAN, "conf.d/ntp-multicast-engine", False),
            (DEBIAN, "conf.d/deeper/a.conf", False),
            (DEBIAN, "sources.d/a.sources", False),
            (DEBIAN, "conf.e/a.conf", False),
            (FEDORA, "conf.d/a.conf", False),
            (SUSE, "chrony.d/a.conf", True),
            (SUSE, "chrony.d/a.txt", False),
            (SUSE, "chrony.d/deeper/a.conf", False),
            (SUSE, "chrony.d/.a.conf", False),
            ("include {0}/*/a.conf\n", "chrony.d/a.conf", True),
            ("ConfDir {0}/conf.d/\n", "conf.d/a.conf", True),
            ("! confdir {0}/conf.d\n# confdir {0}/conf.d\n", "conf.d/a.conf", False),
            ("", "conf.d/a.conf", False),
        ],
    )
    def test_what_would_be_read(self, tmp_path: pathlib.Path, text: str, name: str, reads: bool) -> None:
        assert read_by(tmp_path, text).reads(str(tmp_path / name)) is reads

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("", None),
            ("keyfile /etc/chrony/chrony.keys\n", "/etc/chrony/chrony.keys"),
            ("KeyFile /a\nconfdir {0}/conf.d\n", "/b"),
            ("confdir {0}/conf.d\nkeyfile /a\n", "/a"),
            ("keyfile /a\nkeyfile {0}/ntp-multicast-engine.keys\n", "/a"),
            ("# keyfile /a\n", None),
        ],
    )
    def test_the_key_file(self, tmp_path: pathlib.Path, text: str, name: str | None) -> None:
        """The last one counts, but ours is there only where there is no other."""
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "b.conf").write_text("keyfile /b\n")
        assert read_by(tmp_path, text).key_file == name

    def test_where_a_file_would_be_read(self, tmp_path: pathlib.Path) -> None:
        for text, folder in ((DEBIAN, "conf.d"), (SUSE, "chrony.d")):
            assert read_by(tmp_path, text).places() == [str(tmp_path / folder / "ntp-multicast-engine.conf")]
        for text in (FEDORA, "include {0}/local.conf\n", "include {0}/*/a.conf\n"):
            assert read_by(tmp_path, text).places() == []

    def test_files_lead_to_others(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "b.conf").write_text(f"include {tmp_path}/more.conf\n")
        (tmp_path / "more.conf").write_text(f"confdir {tmp_path}/deep\ninclude {tmp_path}/more.conf\n")
        found = read_by(tmp_path, DEBIAN)
        assert [pathlib.Path(path).name for path in found.files] == ["chrony.conf", "b.conf", "more.conf"]
        assert found.reads(str(tmp_path / "deep" / "a.conf"))

    def test_a_name_counts_once_in_several_folders(self, tmp_path: pathlib.Path) -> None:
        for folder, names in (("one", "ab"), ("two", "bc")):
            (tmp_path / folder).mkdir()
            for name in names:
                (tmp_path / folder / f"{name}.conf").write_text("")
        found = read_by(tmp_path, "confdir {0}/two {0}/one\n")
        assert [path.rpartition("/")[0][-3:] + path[-6:] for path in found.files[1:]] == [
            "onea.conf",
            "twob.conf",
            "twoc.conf",
        ]

    @pytest.mark.parametrize(
        ("words", "file"),
        [
            (["/usr/sbin/chronyd", "-F", "1"], "{0}/etc/chrony.conf"),
            (["/usr/sbin/chronyd", "-f", "/srv/c.conf"], "/srv/c.conf"),
            (["/usr/sbin/chronyd", "-f/srv/c.conf"], "/srv/c.conf"),
        ],
    )
    def test_the_main_file(self, tmp_path: pathlib.Path, words: list[str], file: str) -> None:
        """The one that is compiled in, where both are there."""
        defaults = (f"{tmp_path}/etc/chrony/chrony.conf", f"{tmp_path}/etc/chrony.conf")
        (tmp_path / "etc" / "chrony").mkdir(parents=True)
        for path in defaults:
            pathlib.Path(path).write_text("")
        program = tmp_path / "chronyd"
        program.write_bytes(b"\x7fELF\0" + defaults[1].encode() + b"\0")
        assert chronyd.main_file(words, defaults, str(program)) == file.format(tmp_path)

    def test_the_words_of_the_service(self, tmp_path: pathlib.Path) -> None:
        defaults = tmp_path / "chrony"
        defaults.write_text('# DAEMON_OPTS="-f /no"\nDAEMON_OPTS="-F 1 -f /srv/c.conf"\n')
        environment = chronyd.environment_of(f"{defaults} (ignore_errors=yes)", "LANG=C")
        shown = "{ path=/usr/sbin/chronyd ; argv[]=/usr/sbin/chronyd $DAEMON_OPTS ${NOTHING} ; ignore_errors=no }"
        assert chronyd.words_of(shown, environment) == ["/usr/sbin/chronyd", "-F", "1", "-f", "/srv/c.conf"]
        assert chronyd.words_of("", {}) == []


class TestLook:
    def test_what_is_no_interface(self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "eth0").mkdir()
        (tmp_path / "bonding_masters").write_text("\n")
        monkeypatch.setattr(look, "NETWORK", str(tmp_path))
        assert "eth0" in look.interfaces() and "bonding_masters" not in look.interfaces()

    def test_a_folder_that_is_not_there_is_not_read_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(look, "CHANGED_FOLDERS", ("/nowhere",))
        assert look.read_only() == []

    def test_what_can_not_be_written_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also a part that is mounted on its own; one below another is not named twice."""
        read_only = {"/etc", "/etc/systemd/system", "/var/lib"}
        monkeypatch.setattr(look.os.path, "isdir", lambda _path: True)
        monkeypatch.setattr(
            look.os, "statvfs", lambda path: types.SimpleNamespace(f_flag=os.ST_RDONLY if path in read_only else 0)
        )
        assert look.read_only() == ["/etc", "/var/lib"]
        read_only.remove("/etc")
        assert look.read_only() == ["/etc/systemd/system", "/var/lib"]

    @pytest.mark.parametrize(
        ("blocks", "free", "inodes", "free_inodes", "full"),
        [(9000, 100, 50, 5, True), (9000, 2000, 50, 0, True), (9000, 2000, 50, 5, False), (0, 0, 0, 0, False)],
    )
    def test_where_there_is_no_room(
        self, monkeypatch: pytest.MonkeyPatch, blocks: int, free: int, inodes: int, free_inodes: int, full: bool
    ) -> None:
        """A file system that counts neither has room."""
        room = types.SimpleNamespace(f_blocks=blocks, f_bfree=free, f_frsize=4096, f_files=inodes, f_ffree=free_inodes)
        monkeypatch.setattr(look, "CHANGED_FOLDERS", ("/etc",))
        monkeypatch.setattr(look.os, "statvfs", lambda _path: room)
        assert look.full() == (["/etc"] if full else [])

    def test_a_service_is_stopped_only_if_it_is_a_time_service(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A daemon that somebody has started from a login runs in the service of that."""
        found = [("chronyd", "chrony.service"), ("ntpd", "ssh.service"), ("phc2sys", "phc2sys@eth0.service")]
        monkeypatch.setattr(look, "owners", lambda: [*found, ("ptp4l", None)])
        units = ["chrony.service", "phc2sys.service"]
        assert [owner["unit"] for owner in look.clock_owners(units)] == [
            "chrony.service",
            None,
            "phc2sys@eth0.service",
            None,
        ]

    @pytest.mark.parametrize(
        ("text", "found"), [('["chrony.service"]\n', ["chrony.service"]), ("", []), ("{}", []), ("[1]", []), ("[", [])]
    )
    def test_what_was_stopped(self, tmp_path: pathlib.Path, text: str, found: list[str]) -> None:
        (tmp_path / "stopped").write_text(text)
        assert look.stopped(str(tmp_path / "stopped")) == found
        assert look.stopped(str(tmp_path / "missing")) == []

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (
                '{"unit": "chrony.service", "running": false, "enabled": true}',
                {"unit": "chrony.service", "running": False, "enabled": True},
            ),
            *((text, {}) for text in ("", "[]", "{}", "7", '{"unit": "chrony.service"}')),
        ],
    )
    def test_what_ran_before(self, tmp_path: pathlib.Path, text: str, found: dict[str, Any]) -> None:
        (tmp_path / "started").write_text(text)
        assert look.started(str(tmp_path / "started")) == found

    def test_a_file_for_chronyd_under_an_older_name_is_ours(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two files would give it two reference clocks with one socket."""
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "mine.conf").write_text(chronyd.MARK + "\nrefclock SOCK /a\n")
        (tmp_path / "conf.d" / "theirs.conf").write_text("allow\n")
        (tmp_path / "chrony.conf").write_text(f"confdir {tmp_path}/conf.d\n")
        unit = {"Id": "chrony.service", "LoadState": "loaded", "ActiveState": "active"}
        monkeypatch.setattr(look, "main_file", lambda _words: str(tmp_path / "chrony.conf"))
        seen = look.what_chrony_reads(unit, "")
        assert seen["old_files"] == [str(tmp_path / "conf.d" / "mine.conf")]

    @pytest.mark.parametrize("state", ["masked", "not-found"])
    def test_a_chronyd_that_is_gone_may_have_been_told(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, state: str
    ) -> None:
        addition = tmp_path / "chrony.service.conf"
        monkeypatch.setattr(look, "CHRONY_ADDITION", str(tmp_path / "{}.conf"))
        unit = {"Id": "chrony.service", "LoadState": state, "ActiveState": "inactive"}
        monkeypatch.setattr(look, "show", lambda *_arguments: {"chrony.service": unit})
        monkeypatch.setattr(look, "main_file", lambda _words: str(tmp_path / "chrony.conf"))
        units = ["chronyd.service", "chrony.service"]
        assert (look.chrony(units, "") is None) == (state == "not-found")
        addition.write_text("[Service]\n")
        seen = look.chrony(units, "")
        assert (seen["addition_exists"], seen["installed"], seen["masked"]) == (
            True,
            state == "masked",
            state == "masked",
        )

    @pytest.mark.parametrize("state", ["failed", "active"])
    def test_a_chronyd_that_has_failed(
        self, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, state: str
    ) -> None:
        """It is refused before it is told anything; one of ours may have failed by what it was told."""
        monkeypatch.setattr(look, "main_file", lambda _words: str(tmp_path / "chrony.conf"))
        unit = {"Id": "chrony.service", "LoadState": "loaded", "ActiveState": state}
        assert look.what_chrony_reads(unit, "")["failed"] is (state == "failed")

    def test_the_four_files_are_one_program(self, tmp_path: pathlib.Path) -> None:
        """As templates/look_at_host.py.j2 puts them together, run as the role runs it."""
        engine = "ntp_multicast_engine/clock/conflicts.py"
        names = (engine, "chrony_key_block.py", "chronyd_configuration.py", "look_at_host.py")
        parts = [(FILES / name).read_text(encoding="utf-8") for name in names]
        future = "from __future__ import annotations"
        source = "\n".join([parts[0], *(part.replace(future, "") for part in parts[1:])])
        done = subprocess.run(
            [
                *(sys.executable, "-", "/nowhere/unit", "", str(tmp_path / "stopped"), str(tmp_path / "started")),
                *("/nowhere/record", "chrony.service"),
            ],
            input=source,
            capture_output=True,
            text=True,
            check=True,
        )
        seen = json.loads(done.stdout)
        assert "lo" in seen["interfaces"] and seen["stopped"] == [] and seen["unit_file"] is False
        assert (seen["firewall"], seen["started"], seen["service_runs"]) == (False, {}, False)
        names_of = [
            {node.name for node in ast.walk(ast.parse(part)) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
            for part in parts
        ]
        assert not any(names_of[one] & names_of[other] for one, other in ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)))
        assert names_of[0] & names_of[3] == {"clock_owners"}, "asked for by the engine, and by the role"


class TestWaiting:
    SYSTEM = '"system": {"discipline_state": "panic", "discipline_error": "not permitted"}'
    COMMAND = f'#!/bin/sh\necho \'{{"engine": {{"pid": 4711, "uptime": 2.5}}, {SYSTEM}}}\'\n'

    def run(
        self, tmp_path: pathlib.Path, state: str, command: str, before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        for name, text in (
            ("systemctl", f"#!/bin/sh\n{before}printf '{state}'\n"),
            ("journalctl", "#!/bin/sh\necho keys: Permission denied\n"),
            ("engine", command),
        ):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        return subprocess.run(
            [sys.executable, FILES / "wait_for_engine.py", tmp_path / "engine", "/c", "e.service", "h.service"],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_an_engine_that_answers(self, tmp_path: pathlib.Path) -> None:
        state = "ActiveState=active\\nSubState=running\\nNRestarts=0\\nMainPID=4711\\nResult=success\\n"
        done = self.run(tmp_path, state, self.COMMAND)
        assert (done.returncode, done.stdout) == (0, "\n")
        done = self.run(tmp_path, state, self.COMMAND.replace("panic", "refused"))
        assert (done.returncode, done.stdout) == (0, "not permitted\n")

    def test_one_that_answers_between_two_deaths(self, tmp_path: pathlib.Path) -> None:
        """Whoever looks at the right moment sees a running service."""
        count = f"cd {tmp_path}; echo >> deaths; "
        state = "ActiveState=active\\nSubState=running\\nMainPID=4711\\nResult=signal\\nNRestarts=%s\\n"
        state += "' $(wc -l < deaths) #"
        done = self.run(tmp_path, state, self.COMMAND, count)
        assert done.returncode == 1
        assert done.stdout.startswith("e.service answers, and ends again and again. systemd calls it active (running)")

    def test_one_that_has_died_long_ago(self, tmp_path: pathlib.Path) -> None:
        state = "ActiveState=active\\nSubState=running\\nNRestarts=7\\nMainPID=4711\\nResult=success\\n"
        assert self.run(tmp_path, state, self.COMMAND.replace("2.5", "10.5")).returncode == 0

    @pytest.mark.parametrize("active", ["failed", "inactive"])
    @pytest.mark.parametrize("command", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho [] \n", COMMAND])
    def test_one_that_does_not(self, tmp_path: pathlib.Path, active: str, command: str) -> None:
        """Also where another process answers at its socket."""
        state = f"ActiveState={active}\\nSubState=dead\\nNRestarts=5\\nMainPID=0\\nResult=exit-code\\n"
        done = self.run(tmp_path, state, command)
        assert done.returncode == 1
        assert done.stdout.startswith(
            f"e.service does not answer. systemd calls it {active} (dead), result exit-code, 5 restarts."
        )
        assert "keys: Permission denied" in done.stdout and "added" not in done.stdout

    def test_what_is_added_to_the_unit_is_named(self, tmp_path: pathlib.Path) -> None:
        """StandardInput= of somebody else hides the keys, and the engine can't know."""
        state = "ActiveState=failed\\nSubState=dead\\nNRestarts=5\\nMainPID=0\\nResult=exit-code\\n"
        done = self.run(tmp_path, state + "DropInPaths=/etc/e.service.d/own.conf\\n", "#!/bin/sh\nexit 1\n")
        assert "Something is added to its unit, look there too: /etc/e.service.d/own.conf. Its last" in done.stdout
