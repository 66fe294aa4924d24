# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sequences of runs and faults: after each the device is exactly as wanted or exactly as before.

What "exactly as wanted" is, a calm twin tells: the same release, brought to the same configuration, which takes the
same request without a fault.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from harness import OTHER_SECRET, SECRET, LocalLogins, local_logins, ntp_lines
from hostile import FAULTS, GOES_BACK, IN_REAL_TIME, INTERFACES, STATES, TRIAL_FAULTS, all_devices, check_truth, entry
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import UpdateSecrets
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import Report, Save
from vrp_simulator.testing import RunningDevice, RunningDevices, running_devices

EFFORT = int(os.environ.get("TIMECAST_TEST_EFFORT", "1"))  # how many times as many sequences
TWIN = "-twin"
KEY_IDS = (1, 10, 42)
GROUPS = ("224.0.1.1", "239.1.2.3", "ff0e::101")
# A run must not sit through seconds, and a name that changes is no business of the twin's. A commit that goes on after
# its session is over when it is over: test_lost_commits waits for that.
SLOW = {"slow commit", "renamed by commit"}
HAZARDS = {
    name: faults
    for name, (faults, _effect) in {**FAULTS, **TRIAL_FAULTS}.items()
    if name not in SLOW and name not in IN_REAL_TIME
}


@st.composite
def keys(draw: st.DrawFn, key_id: int) -> dict[str, Any]:
    return {
        "id": key_id,
        "algorithm": draw(st.sampled_from(["aes-128-cmac", "hmac-sha256"])),
        "secret": draw(st.sampled_from([SECRET, OTHER_SECRET])),
        "trusted": draw(st.sampled_from([None, True, False])),
    }


@st.composite
def interfaces(draw: st.DrawFn, name: str, key_ids: list[int]) -> dict[str, Any]:
    groups = st.lists(st.sampled_from(GROUPS), unique=True, max_size=2)
    servers = [
        {
            "address": group,
            "key_id": draw(st.sampled_from([None, *key_ids])),
            "ttl": draw(st.sampled_from([None, 9, 64])),
            "port": draw(st.sampled_from([None, 5000])),
        }
        for group in draw(groups)
    ]
    return {
        "name": name,
        "servers": draw(st.sampled_from([None, servers])),
        "clients": draw(st.none() | groups.map(lambda found: [{"address": group} for group in found])),
    }


@st.composite
def upstreams(draw: st.DrawFn, key_ids: list[int]) -> list[dict[str, Any]]:
    addresses = draw(st.lists(st.sampled_from(["10.9.9.8", "10.9.9.9", "fd00::9"]), unique=True, max_size=2))
    return [
        {
            "address": address,
            "key_id": draw(st.sampled_from([None, *key_ids])),
            "preferred": draw(st.sampled_from([None, True])),
            "minpoll": draw(st.sampled_from([None, 4])),
        }
        for address in addresses
    ]


@st.composite
def configs(draw: st.DrawFn, names: tuple[str, str]) -> dict[str, Any]:
    """The option `config` for a device with these two interfaces."""
    key_ids = draw(st.lists(st.sampled_from(KEY_IDS), unique=True, max_size=2))
    config: dict[str, Any] = {
        "authentication": {
            "enabled": draw(st.sampled_from([None, True, False])),
            "keys": [draw(keys(key_id)) for key_id in key_ids] or None,
        },
        "server": {
            "enabled": draw(st.sampled_from([None, True, False])),
            "listen": draw(st.sampled_from([None, ["all"], [names[0]]])),
            "reference_stratum": draw(st.sampled_from([None, 2, 8])),
            "upstream": draw(st.none() | upstreams(key_ids)),
        },
        "interfaces": [
            draw(interfaces(name, key_ids)) for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
        ],
    }
    kept = draw(st.sets(st.sampled_from(sorted(config)), min_size=1))
    return {name: value for name, value in config.items() if name in kept or (name == "authentication" and key_ids)}


class Runs(RuleBasedStateMachine):
    """One device, its twin, and what the controller remembers."""

    devices: ClassVar[RunningDevices]
    item: RunningDevice
    twin: RunningDevice
    memory: Mapping[int, Any]
    names: tuple[str, str]

    @initialize(kind=st.sampled_from(sorted(INTERFACES)))
    def choose(self, kind: str) -> None:
        self.item, self.twin = self.devices[kind], self.devices[kind + TWIN]
        self.item.reset()
        self.memory = {}
        self.names = (INTERFACES[kind], INTERFACES[kind][:-1] + "7")

    @rule(
        data=st.data(),
        state=st.sampled_from(STATES),
        hazards=st.tuples(st.sampled_from(sorted(HAZARDS)), st.sampled_from(sorted(HAZARDS))),
        lock=st.booleans(),
        trial=st.sampled_from([None, None, 120]),
        save=st.sampled_from(Save),
        update_secrets=st.sampled_from(UpdateSecrets),
        forgetful=st.sampled_from([False, False, True]),
        other_stratum=st.sampled_from([None, None, 3, 8]),
    )
    def run(
        self,
        data: st.DataObject,
        state: str,
        hazards: tuple[str, str],
        lock: bool,
        trial: int | None,
        save: Save,
        update_secrets: UpdateSecrets,
        forgetful: bool,
        other_stratum: int | None,
    ) -> None:
        """Perhaps the fact cache is lost or somebody else changes the device; then a run, with up to two faults."""
        if forgetful:
            self.memory = {}
        if other_stratum is not None:
            word = "ntp-service" if "ne40e" in self.item.name else "ntp"
            self.item.change_as("other", [f"{word} refclock-master {other_stratum}"])
        config = data.draw(configs(self.names))
        options = {"update_secrets": update_secrets, "memory": self.memory}
        wanted = self.ask_twin(config, state, options)
        before = ntp_lines(self.item)
        faults: dict[str, Any] = {}
        for hazard in hazards:
            faults |= HAZARDS[hazard]
        self.item.set_faults(**faults)
        with local_logins(self.item) as logins:
            report, error = logins.run(
                logins.request(config, state, lock=lock, save=save, commit=CommitSettings(trial=trial), **options)
            )
        self.item.reset_faults()
        after = ntp_lines(self.item)
        assert self.item.pending() == {}
        assert self.item.lock_owner() is None
        for secret in (SECRET, OTHER_SECRET):
            assert secret not in str(error)
        if report is not None:
            assert wanted is not None
            assert report.changed == wanted.changed
            assert after == ntp_lines(self.twin)
            assert [self.item.secret(number) for number in KEY_IDS] == [self.twin.secret(number) for number in KEY_IDS]
            assert not self.item.trial_active()
            self.memory = report.memory if report.memory is not None else self.memory
            return
        assert error is not None
        if wanted is None:  # the request itself is wrong: nothing may come of it
            assert after == before
            return
        check_truth(error, before, after)
        assert self.item.trial_active() == (GOES_BACK in str(error))
        if self.item.trial_active():
            self.item.expire_trial()
            after = ntp_lines(self.item)
        assert after in (before, ntp_lines(self.twin))

    def ask_twin(self, config: dict[str, Any], state: str, options: dict[str, Any]) -> Report | None:
        """Bring the twin to where the device is, then to what is wanted; None when the request is refused."""
        self.twin.reset(self.item.running_configuration())
        assert ntp_lines(self.twin) == ntp_lines(self.item)
        with local_logins(self.twin) as logins:
            predicted, _unused = self.predict(logins, config, state, options)
            report, error = logins.run(logins.request(config, state, **options))
            assert (predicted is None) == (report is None)
            if report is None or predicted is None:
                assert error is not None and not error.changed
                return None
            assert predicted.changed == report.changed
            assert options_from_configuration(predicted.after) == options_from_configuration(report.after)
            memory = report.memory if report.memory is not None else options["memory"]
            again, _unused = logins.run(logins.request(config, state, **{**options, "memory": memory}))
            assert again is not None
            assert not again.changed or options["update_secrets"] is UpdateSecrets.ALWAYS
            return report

    def predict(
        self, logins: LocalLogins, config: dict[str, Any], state: str, options: dict[str, Any]
    ) -> tuple[Report | None, Any]:
        return logins.run(logins.request(config, state, check=True, **options))


def test_random_runs_leave_the_device_as_wanted_or_as_before() -> None:
    twins = [entry(kind, kind + TWIN) for kind in INTERFACES]
    with running_devices([*all_devices(), *twins]) as devices:
        Runs.devices = devices
        run_state_machine_as_test(
            Runs,
            settings=settings(
                derandomize=EFFORT == 1,  # the same sequences each time; more effort draws others
                max_examples=25 * EFFORT,
                stateful_step_count=8,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )
