# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model and the language against simulated devices: what only a device can answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import SECRET, device, local_logins, server_config
from hostile import INTERFACES, entry

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.target import kept_for_other_lines
from vrp_simulator.testing import RunningDevice, running_devices

INTERFACE = "GigabitEthernet0/1/0"


@pytest.fixture(name="item", params=["ne40e-v800r012", "ce-v300r023"])
def item_fixture(request: pytest.FixtureRequest) -> Iterator[RunningDevice]:
    with running_devices([device("D", request.param, INTERFACE)]) as running:
        yield running["D"]


def served(**options: Any) -> dict[str, Any]:
    return {"interfaces": [{"name": INTERFACE, "servers": [{"address": "239.1.2.3", **options}]}]}


def test_a_ttl_that_the_device_leaves_out_is_set_once(item: RunningDevice) -> None:
    with local_logins(item) as logins:
        bare, error = logins.run(logins.request(served()))
        assert error is None and bare is not None and bare.changed
        first, error = logins.run(logins.request(served(ttl=16), memory=bare.memory))
        assert error is None and first is not None
        assert [line.text.split()[-2:] for line in first.lines] == [["ttl", "16"]]
        second, error = logins.run(logins.request(served(ttl=16), memory=first.memory))
        assert error is None and second is not None and not second.changed
        other, error = logins.run(logins.request(served(ttl=255), memory=first.memory))
        assert error is None and other is not None and other.changed


def test_the_key_of_a_server_is_replaced_in_one_run(item: RunningDevice) -> None:
    with local_logins(item) as logins:
        before, error = logins.run(logins.request(server_config(INTERFACE)))
        assert error is None and before is not None
        wanted = server_config(INTERFACE)
        wanted["authentication"]["keys"][0]["id"] = wanted["interfaces"][0]["servers"][0]["key_id"] = 43
        report, error = logins.run(logins.request(wanted, "overridden", memory=before.memory))
        assert error is None and report is not None
        lines = [line.masked for line in report.lines]
        gone = next(i for i, line in enumerate(lines) if line.startswith("undo") and line.endswith("keyid 42"))
        set_anew = next(i for i, line in enumerate(lines) if "multicast-server" in line and "keyid 43" in line)
        assert set_anew < gone
        assert "authentication-keyid 42" not in item.running_configuration()


def test_a_port_goes_by_two_names(item: RunningDevice) -> None:
    printed, other = INTERFACE, "GE0/1/0"
    if f"interface {printed}\n" not in item.running_configuration():
        printed, other = other, printed
    config = {"interfaces": [{"name": other, "clients": [{"address": "239.1.2.3"}]}]}
    with local_logins(item) as logins:
        report, error = logins.run(logins.request(config))
        assert error is None and report is not None
        assert {line.view for line in report.lines} == {printed}
        again, error = logins.run(logins.request(config, "replaced"))
        assert error is None and again is not None and not again.changed


@pytest.mark.parametrize("state", ["deleted", "overridden"])
def test_unicast_clients_keep_their_server(item: RunningDevice, state: str) -> None:
    word = "ntp-service" if "ntp-service" in item.running_configuration() else "ntp"
    with local_logins(item) as logins:
        first, error = logins.run(logins.request(server_config(INTERFACE)))
        assert error is None and first is not None
        word = first.dialect.value if first.dialect else word
        session = logins.session()
        for line in ("system-view", f"{word} unicast-server 10.9.9.9", "commit", "return"):
            session.ask(line)
        wanted = {} if state == "deleted" else {"interfaces": []}
        request = logins.request(wanted, state)
        report, error = logins.run(request)
        assert error is None and report is not None and report.changed
        after = report.after.server
        assert after is not None and after.enabled and after.listen == ("all",) and after.reference_stratum == 2
        assert kept_for_other_lines(report.before, request.wanted, request.state)
        assert SECRET not in item.running_configuration()
        assert not any(
            "source-interface" in line or line.endswith(f"{word} server disable")
            for line in [entry.masked for entry in report.lines]
        )


@pytest.mark.parametrize("state", ["merged", "replaced", "overridden"])
@pytest.mark.parametrize("kind", INTERFACES)
def test_check_mode_knows_the_lines_that_a_release_adds_by_itself(kind: str, state: str) -> None:
    """Both families are served, and nobody said whether the server function shall be enabled."""
    wanted = {
        "server": {"listen": [INTERFACES[kind], "fd00::1"], "reference_stratum": 3},
        "interfaces": [{"name": INTERFACES[kind], "servers": [{"address": "239.1.2.3"}, {"address": "ff0e::101"}]}],
    }
    with running_devices([entry(kind, "D")]) as running, local_logins(running["D"]) as logins:
        predicted, error = logins.run(logins.request(wanted, state, check=True))
        assert error is None and predicted is not None
        applied, error = logins.run(logins.request(wanted, state))
        assert error is None and applied is not None
        assert options_from_configuration(predicted.after) == options_from_configuration(applied.after)
        again, error = logins.run(logins.request(wanted, state))
        assert error is None and again is not None and not again.changed
