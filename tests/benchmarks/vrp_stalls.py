# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many runs side by side on devices that fall silent in the middle of their texts: is any answer wrong?

Each run has a device of its own, which stays silent for 4 to 10 s before 3 % of the pieces that it sends. What a run
reports is held against what the simulator knows. A run may fail; then it has to say what was missing, and the device
has to be what the error says.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

_ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT / ".build" / "collections"), str(_ROOT / "tests" / "simulator")]

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import (  # noqa: E402
    NtpMulticastError,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import Configuration  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (  # noqa: E402
    configuration_from_options,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (  # noqa: E402
    parse_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.retry import RetryPolicy  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts  # noqa: E402
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import (  # noqa: E402
    Request,
    converge,
    gather,
)
from vrp_simulator.testing import RunningDevice, running_devices  # noqa: E402

KINDS = ("gathered", "deleted", "merged", "check_drift")
SHORTEST, LONGEST = 4.0, 10.0
USER = "ops"
PORT = "100GE1/0/1"
PRESENT = {
    "server": {"reference_stratum": 2},
    "interfaces": [{"name": PORT, "servers": [{"address": "239.1.2.3"}], "clients": [{"address": "224.0.1.1"}]}],
}
MORE = {"interfaces": [{"name": PORT, "clients": [{"address": "239.1.2.4"}]}]}
PRESENT_LINES = [
    "ntp refclock-master 2",
    f"interface {PORT}",
    "ntp multicast-server 239.1.2.3",
    "ntp multicast-client 224.0.1.1",
]
MISSING_WORDS = ("the first prompt", "did not come", "broke off", "closed the session", "was not seen", "still shows")


@dataclasses.dataclass(frozen=True)
class Stalls:
    """How a device stays silent. scale: shrinks the silences and the time-outs alike."""

    share: float = 0.03
    scale: float = 1.0
    command_timeout: float = 30.0

    @property
    def timeouts(self) -> Timeouts:
        command = self.command_timeout * self.scale
        return Timeouts(login=command, command=command, commit=6 * command)

    def faults(self, seed: int) -> dict[str, object]:
        seconds = (SHORTEST * self.scale, LONGEST * self.scale)
        return {"stall_share": self.share, "stall_seconds": seconds, "stall_seed": seed}


@dataclasses.dataclass
class Logins:
    """Logins over memory, whose silences take their time."""

    device: RunningDevice
    timeouts: Timeouts
    retry: RetryPolicy = dataclasses.field(default_factory=RetryPolicy)
    _session: Session | None = None
    _link: Any = None

    def session(self) -> Session:
        if self._session is None or self._session.lost:
            self.close()
            self._link = self.device.open_link(USER)
            session = Session(self._link, self.timeouts)
            session.login()
            session.quieten()
            self._session = session
        return self._session

    def second_session(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
        self._session = self._link = None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What became of one run: right, wrong or failed, and what to tell of it."""

    kind: str
    word: str
    told: str = ""


def shown_by(device: RunningDevice) -> Configuration:
    """What the simulator knows."""
    return parse_configuration(device.running_configuration()).configuration


def one_run(kind: str, device: RunningDevice, stalls: Stalls, seed: int) -> Verdict:
    """Let a device stall, run once, and judge."""
    device.reset()
    device.change_as("set-up", PRESENT_LINES)
    before = shown_by(device)
    device.set_faults(**stalls.faults(seed))
    logins = Logins(device, stalls.timeouts)
    try:
        wrong = _RUNS[kind](logins, before, seed)
    except NtpMulticastError as error:
        wrong = _untrue(error, before, shown_by(device))
        return Verdict(kind, "wrong" if wrong else "failed", wrong or str(error))
    finally:
        logins.close()
    return Verdict(kind, "wrong" if wrong else "right", wrong)


def _untrue(error: NtpMulticastError, before: Configuration, after: Configuration) -> str:
    """What is wrong with a failure, "" for nothing."""
    if not any(words in str(error) for words in MISSING_WORDS):
        return f"does not say what was missing: {error}"
    if not isinstance(error, DeviceError):
        return f"blames the user: {error}"
    if after != before and not error.changed:
        return f"says that nothing was changed, but the device is another: {error}"
    return ""


def _request(config: dict[str, Any], state: State, check: bool) -> Request:
    return Request(wanted=configuration_from_options(config), state=state, check=check)


def _gathered(logins: Logins, before: Configuration, seed: int) -> str:
    found = gather(logins.session(), None).configuration
    return "" if found == before else f"read {found}"


def _deleted(logins: Logins, before: Configuration, seed: int) -> str:
    report = converge(logins, _request({}, State.DELETED, check=True))
    undone = sorted(line.text for line in report.lines if "multicast" in line.text)
    return "" if report.before == before and len(undone) == 2 else f"would delete {undone}"


def _merged(logins: Logins, before: Configuration, seed: int) -> str:
    report = converge(logins, _request(MORE, State.MERGED, check=False))
    stands = " ntp multicast-client 239.1.2.4" in logins.device.running_configuration()
    return "" if report.changed and stands else f"changed {report.changed}, the line stands: {stands}"


def _check_drift(logins: Logins, before: Configuration, seed: int) -> str:
    """Every other device has drifted."""
    drifted = bool(seed % 2)
    report = converge(logins, _request(MORE if drifted else PRESENT, State.MERGED, check=True))
    return "" if report.changed is drifted else f"drifted {report.changed}"


_RUNS: dict[str, Callable[[Logins, Configuration, int], str]] = {
    "gathered": _gathered,
    "deleted": _deleted,
    "merged": _merged,
    "check_drift": _check_drift,
}


def side_by_side(kind: str, devices: Sequence[RunningDevice], stalls: Stalls, seed: int = 0) -> list[Verdict]:
    """One run on each device, all at once."""
    verdicts: list[Verdict] = []

    def work(number: int, device: RunningDevice) -> None:
        try:
            verdicts.append(one_run(kind, device, stalls, seed + number))
        except Exception as error:
            verdicts.append(Verdict(kind, "wrong", f"{type(error).__name__}: {error}"))

    threads = [threading.Thread(target=work, args=item) for item in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return verdicts


def entries(count: int) -> list[dict[str, Any]]:
    """The device file of so many devices."""
    return [
        {
            "name": f"CE{number}",
            "release": "ce-v300r023",
            "users": [{"name": USER, "password": "Login-Pass-1", "level": 3}],
            "interfaces": [{"name": PORT, "ipv4": "10.0.0.1/24"}, {"name": "100GE1/0/2", "ipv4": "10.0.7.1/24"}],
        }
        for number in range(count)
    ]


def main() -> int:
    """Run all kinds and print a table; the exit code is the number of wrong answers, at most 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="side by side, of each kind")
    parser.add_argument("--share", type=float, default=0.03, help="of the pieces before which a device is silent")
    parser.add_argument("--scale", type=float, default=1.0, help="of the silences of 4 to 10 s and of the time-outs")
    parser.add_argument("--command-timeout", type=float, default=30.0, help="seconds, before scaling")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    stalls = Stalls(options.share, options.scale, options.command_timeout)
    threading.stack_size(512 * 1024)
    wrong = 0
    print(f"{'runs':12} {'number':>7} {'right':>7} {'failed':>7} {'wrong':>7} {'seconds':>8}")
    with running_devices(entries(options.runs)) as devices:
        for number, kind in enumerate(options.kinds):
            begin = time.monotonic()
            verdicts = side_by_side(kind, list(devices.values()), stalls, seed=number * options.runs)
            words = collections.Counter(verdict.word for verdict in verdicts)
            seconds = time.monotonic() - begin
            print(
                f"{kind:12} {len(verdicts):7} {words['right']:7} {words['failed']:7} {words['wrong']:7} {seconds:8.1f}",
                flush=True,
            )
            wrong += words["wrong"]
            for verdict in [verdict for verdict in verdicts if verdict.word == "wrong"][:5]:
                print(f"  wrong: {verdict.told}")
            reasons = collections.Counter(
                verdict.told.split("\n")[0] for verdict in verdicts if verdict.word == "failed"
            )
            for reason, count in reasons.most_common(5):
                print(f"  failed {count} times: {reason}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
