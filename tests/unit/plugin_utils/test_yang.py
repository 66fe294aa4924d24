# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two public YANG models judge the descriptions: what one of them refuses, validation refuses.

The models and yangson may be absent; then the bounds of huawei-ntp as they are written down in ``yang_bounds`` judge.
"""

from __future__ import annotations

import functools
import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.plugin_utils import yang_bounds
from unit.plugin_utils.strategies import configs
from unit.plugin_utils.yang_documents import huawei_document, ietf_document

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems

try:
    import yangson
    import yangson.exceptions
except ImportError:
    yangson = None

REPOSITORY = Path(__file__).parents[3]
MODELS = Path(os.environ.get("TIMECAST_SHARED", REPOSITORY.parent / "shared")) / "yang"

HUAWEI = {f"huawei-{name}": [] for name in ("ntp", "ifm", "network-instance", "ip", "acl", "time-range")}
IETF = {
    "ietf-ntp": [
        *("ntp-port", "authentication", "multicast-server", "multicast-client", "unicast-configuration", "deprecated"),
    ],
    "ietf-interfaces": [],
    "iana-if-type": [],
    "ietf-system": [],
}

# Where a model refuses what we take: the option, the value, why.
TAKEN_ALL_THE_SAME: dict[str, Callable[[dict[str, Any]], bool]] = {
    # VRP command reference, ntp multicast-server: version 1 to 4. RFC 9249 describes versions 3 and 4 alone.
    # RFC 9249 has no VPN instances: one address in two of them is one entry there.
    "ietf": lambda options: (
        any(server.get("version") in (1, 2) for server in [*servers(options), *upstream(options)])
        or len({entry["address"] for entry in upstream(options)}) < len(upstream(options))
    ),
    "huawei": lambda options: False,
    "bounds": lambda options: False,
}


def servers(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [server for interface in options.get("interfaces") or () for server in interface.get("servers") or ()]


def upstream(options: dict[str, Any]) -> list[dict[str, Any]]:
    return (options.get("server") or {}).get("upstream") or []


# -- the models --------------------------------------------------------------------------------------------------------


def absent() -> str | None:
    if not MODELS.is_dir():
        return f"no YANG models at {MODELS}: set TIMECAST_SHARED to the folder that holds yang"
    return "yangson is not installed" if yangson is None else None


@functools.cache
def model(name: str) -> Any:
    folder, implemented = {
        "huawei": (MODELS / "huawei-ne40e-x8x16-8.22.0", HUAWEI),
        "ietf": (MODELS / "rfc9249", IETF),
    }[name]
    return yangson.DataModel(library(folder, implemented), [str(folder)])


def library(folder: Path, implemented: dict[str, list[str]]) -> str:
    """The modules of a folder as the list that yangson reads (RFC 7895)."""
    modules: dict[str, dict[str, Any]] = {}
    parts: dict[str, list[dict[str, str]]] = {}
    for path in sorted(folder.glob("*.yang")):
        text = path.read_text(encoding="utf-8")
        revision = re.search(r'revision\s+"?([0-9-]{10})', text)
        entry: dict[str, Any] = {"name": path.stem, "revision": revision.group(1) if revision else ""}
        belongs = re.search(r"^\s*belongs-to\s+([\w-]+)", text, re.MULTILINE)
        if belongs:
            parts.setdefault(belongs.group(1), []).append(entry)
            continue
        namespace = re.search(r'namespace\s+"([^"]+)"', text)
        assert namespace
        kind = "implement" if path.stem in implemented else "import"
        modules[path.stem] = {**entry, "namespace": namespace.group(1), "conformance-type": kind}
        if implemented.get(path.stem):
            modules[path.stem]["feature"] = implemented[path.stem]
    for name, submodules in parts.items():
        if name in modules:
            modules[name]["submodule"] = submodules
    return json.dumps({"ietf-yang-library:modules-state": {"module-set-id": "1", "module": list(modules.values())}})


def refusal(name: str, options: dict[str, Any]) -> str | None:
    if name == "bounds":
        return yang_bounds.refusal(huawei_document(options))
    document = {"huawei": huawei_document, "ietf": ietf_document}[name](options)
    try:
        model(name).from_raw(document).validate()
    except yangson.exceptions.YangsonException as error:
        return f"{type(error).__name__}: {error}"
    return None


JUDGES = ["bounds"] if absent() else ["bounds", "huawei", "ietf"]


@pytest.fixture(params=JUDGES)
def judge(request: pytest.FixtureRequest) -> str:
    if absent():
        warnings.warn(
            f"NO YANG MODEL JUDGES THE DESCRIPTIONS, but what was written down of one: {absent()}", stacklevel=2
        )
    return str(request.param)


# -- descriptions ------------------------------------------------------------------------------------------------------

COMPLETE: dict[str, Any] = {
    "authentication": {
        "enabled": True,
        "keys": [
            {"id": 42, "algorithm": "aes-128-cmac", "secret": "Aes-128-Secret-1", "trusted": True},
            {"id": 43, "algorithm": "hmac-sha256", "secret": "YsHsjx_202206"},
        ],
    },
    "server": {
        "enabled": True,
        "listen": ["Vlanif100", "all"],
        "reference_stratum": 2,
        "upstream": [
            {"address": "10.0.0.1", "key_id": 42, "version": 4, "preferred": True, "minpoll": 4, "maxpoll": 12},
            {"address": "fd00::7", "vpn_instance": "MEth0/0/0", "source_interface": "Vlanif200"},
        ],
    },
    "interfaces": [
        {
            "name": "Vlanif100",
            "servers": [
                {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4, "port": 123},
                {"afi": "ipv6", "key_id": 43, "port": 10123},
            ],
        },
        {"name": "50|100GE0/1/4", "clients": [{"address": "239.1.2.3"}, {"address": "ff05::101"}]},
    ],
}
# The bounds of the models, with the values on both sides of each.
BOUNDS: dict[str, tuple[list[Any], list[Any]]] = {
    "ttl": ([1, 16, 255], [0, 256, -1]),
    "version": ([3, 4], [0, 5]),
    "port": ([123, 1025, 65535], [0, 122, 124, 1023, 65536]),
    "key_id": ([42], [0, 41, 4294967296]),
    "address": (["224.0.1.1", "239.255.255.255"], ["10.0.0.1", "224.0.1", "fd00::1", "x"]),
    "reference_stratum": ([1, 15], [0, 17]),
    "minpoll": ([3, 6], [2, 18]),
    "maxpoll": ([10, 17], [18]),
    "upstream_address": (["10.0.0.1", "fd00::7"], ["10.0.0.256", "fd00:::7", "fe80::1%"]),
    "upstream_key_id": ([42], [0, 41, 4294967296]),
    "upstream_version": ([3, 4], [0, 5]),
    "upstream_interface": (["Vlanif100", "100GE1/0/1"], []),
    "id": ([42], [0, 4294967296]),
    "algorithm": (["md5", "hmac-sha256", None], ["sha1", "sm3"]),
    "name": (["Vlanif100", "FlexE-50|100G0/1/2"], []),
}


def with_value(option: str, value: Any) -> dict[str, Any]:
    if option == "reference_stratum":
        return {"server": {option: value}}
    if option in ("minpoll", "maxpoll") or option.startswith("upstream_"):
        name = {"upstream_interface": "source_interface"}.get(option, option.removeprefix("upstream_"))
        keys = {"keys": [{"id": 42, "secret": "Huawei-12345"}]}
        return {"authentication": keys, "server": {"upstream": [{"address": "10.0.0.1", name: value}]}}
    if option == "name":
        return {"interfaces": [{"name": value, "servers": [{}]}]}
    key: dict[str, Any] = {"id": 42, "secret": "Huawei-12345"}
    server: dict[str, Any] = {}
    (key if option in ("id", "algorithm") else server)[option] = value
    return {"authentication": {"keys": [key]}, "interfaces": [{"name": "Vlanif1", "servers": [server]}]}


def values(right: bool) -> list[tuple[str, Any]]:
    return [(option, value) for option, both in BOUNDS.items() for value in both[not right]]


@pytest.mark.parametrize(("option", "value"), values(True))
def test_what_is_in_the_bounds_of_the_models_is_taken(option: str, value: Any) -> None:
    assert problems(with_value(option, value), platform="vrp") == []


@pytest.mark.parametrize(("option", "value"), values(False))
def test_what_is_out_of_the_bounds_of_the_models_is_refused(option: str, value: Any) -> None:
    assert problems(with_value(option, value), platform="vrp")


def test_the_translation_is_a_document_of_the_model() -> None:
    """Always run: what a translation is made of, so that a judge which is absent is not an empty one."""
    ntp = huawei_document(COMPLETE)["huawei-ntp:ntp"]
    assert ntp["multicasts"]["multicast"][0] == {
        "ifname": "Vlanif100",
        "type": "Server",
        "ip-address": "224.0.1.1",
        "ttl-value": 16,
        "version": 4,
        "key-id": 42,
        "port-number": 123,
    }
    assert [entry["ip-address"] for entry in ntp["multicasts"]["multicast"]] == [
        "224.0.1.1",
        "ff0e::101",
        "239.1.2.3",
        "ff05::101",
    ]
    assert [entry["mode"] for entry in ntp["authentications"]["authentication"]] == ["AES-128-CMAC", "HMAC-SHA256"]
    interfaces = ietf_document(COMPLETE)["ietf-ntp:ntp"]["interfaces"]["interface"]
    assert interfaces[0]["multicast-server"][0]["authentication"] == {"keyid": 42}


# -- judged ------------------------------------------------------------------------------------------------------------


def test_a_complete_description_is_a_valid_document(judge: str) -> None:
    assert refusal(judge, COMPLETE) is None
    assert problems(COMPLETE, platform="vrp") == []


def test_the_bounds_are_those_of_the_models(judge: str) -> None:
    for option, value in values(True):
        assert refusal(judge, with_value(option, value)) is None, (option, value)
    not_modelled = {
        # huawei-ntp says in a description, not in a type, that a group is a multicast address.
        # The address of a unicast server may be a domain name there, and 10.0.0.256 reads like one.
        "huawei": {("address", "10.0.0.1"), ("address", "fd00::1"), ("upstream_address", "10.0.0.256")},
        "bounds": {("address", "10.0.0.1"), ("address", "fd00::1"), ("upstream_address", "10.0.0.256")},
        # RFC 9249 bounds neither the ttl from below nor the version from above, and intervals loosely.
        "ietf": {
            *(("ttl", 0), ("version", 5), ("upstream_version", 5)),
            *(("minpoll", 2), ("minpoll", 18), ("maxpoll", 18)),
        },
    }[judge]
    for option, value in values(False):
        assert (refusal(judge, with_value(option, value)) is None) == ((option, value) in not_modelled), (option, value)


def test_an_unknown_key_and_an_entry_given_twice(judge: str) -> None:
    unknown = {**COMPLETE, "authentication": {"keys": []}}
    twice = {"interfaces": [{"name": "Vlanif1", "clients": [{}, {"address": "224.0.1.1"}]}]}
    for options in (unknown, twice):
        assert refusal(judge, options)
        assert problems(options, platform="vrp")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(options=configs())
def test_right_descriptions(judge: str, options: dict[str, Any]) -> None:
    assert_no_softer(judge, options)


# Right values often, wrong ones now and then: an all-wrong description tells little.
_NUMBER = st.sampled_from([None, None, 1, 3, 4, 16, 42, 123, 255, 1024, 1025, 65535, 65536, 4294967295, 0, 5, 300])
_GROUP = st.sampled_from([None, None, "224.0.1.1", "239.1.2.3", "ff0e::101", "FF05::101", "10.0.0.1", "fd00::1", "x"])
_AFI = st.sampled_from([None, None, "ipv4", "ipv6"])
_NAME = st.sampled_from(["Vlanif1", "100GE1/0/1", "FlexE-50|100G0/1/2.5", "GE0/1/0", "", "V" * 70 + "1"])
_UPSTREAM = st.fixed_dictionaries(
    {
        "address": st.sampled_from(
            ["10.0.0.1", "10.0.0.1", "fd00::7", "224.0.1.1", "127.0.0.1", "time.example", "x y"]
        ),
        "key_id": st.sampled_from([None, 1, 42, 65536, 7]),
        "version": st.sampled_from([None, None, 1, 3, 4, 5]),
        "preferred": st.none() | st.booleans(),
        "vpn_instance": st.sampled_from([None, None, "red", "v" * 32]),
        "source_interface": st.sampled_from([None, "Vlanif1", "V" * 70 + "1"]),
        "minpoll": st.sampled_from([None, 3, 6, 2, 7]),
        "maxpoll": st.sampled_from([None, 10, 17, 9, 18]),
    }
)
_ANY = st.fixed_dictionaries(
    {},
    optional={
        "authentication": st.fixed_dictionaries(
            {
                "enabled": st.none() | st.booleans(),
                "keys": st.none()
                | st.lists(
                    st.fixed_dictionaries(
                        {
                            "id": st.sampled_from([1, 42, 65536, 4294967295, 0]),
                            "algorithm": st.sampled_from([None, "md5", "hmac-sha256", "aes-128-cmac", "sha1"]),
                            "secret": st.sampled_from([None, "Huawei-12345", "Aes-128-Secret-1", "", "x" * 433]),
                            "trusted": st.none() | st.booleans(),
                        }
                    ),
                    max_size=2,
                ),
            }
        ),
        "server": st.fixed_dictionaries(
            {
                "enabled": st.none() | st.booleans(),
                "listen": st.none() | st.lists(_NAME | st.sampled_from(["all", "fd00::1"]), max_size=2),
                "reference_stratum": st.sampled_from([None, 1, 15, 0, 16]),
                "upstream": st.none() | st.lists(_UPSTREAM, max_size=2),
            }
        ),
        "interfaces": st.lists(
            st.fixed_dictionaries(
                {
                    "name": _NAME,
                    "servers": st.lists(
                        st.fixed_dictionaries(
                            {
                                "address": _GROUP,
                                "afi": _AFI,
                                "key_id": st.sampled_from([None, 1, 42, 65536, 7]),
                                "ttl": _NUMBER,
                                "version": st.sampled_from([None, None, 1, 3, 4, 5]),
                                "port": _NUMBER,
                            }
                        ),
                        max_size=2,
                    ),
                    "clients": st.lists(st.fixed_dictionaries({"address": _GROUP, "afi": _AFI}), max_size=2),
                }
            ),
            max_size=2,
        ),
    },
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(options=_ANY)
def test_any_description(judge: str, options: dict[str, Any]) -> None:
    assert_no_softer(judge, options)


if "huawei" in JUDGES:

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(options=_ANY)
    def test_what_was_written_down_is_what_the_model_says(options: dict[str, Any]) -> None:
        assert bool(refusal("huawei", options)) == bool(refusal("bounds", options))


def assert_no_softer(judge: str, options: dict[str, Any]) -> None:
    refused = refusal(judge, options)
    if refused and not TAKEN_ALL_THE_SAME[judge](options):
        assert problems(options, platform="vrp"), refused
