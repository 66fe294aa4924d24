# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deliberate mistakes in the engine."""

from __future__ import annotations

from mutants import Mutant

_ENGINE = "roles/ntp_multicast_engine/files/ntp_multicast_engine"
_TESTS = "tests/unit/engine"


def _mutant(name: str, file: str, old: str, new: str, tests: str) -> Mutant:
    """`file` is named from the engine's package on, `tests` from the folder of its unit tests on."""
    return Mutant(name, f"{_ENGINE}/{file}", old, new, f"{_TESTS}/{tests}")


_WIRE = (
    _mutant(
        "24 octets at the end are taken for an extension field",
        "wire/packet.py",
        "_SHORT_AUTHENTICATORS = (20, 24)",
        "_SHORT_AUTHENTICATORS = (20,)",
        "test_constants.py::test_what_is_a_field_and_what_is_an_authenticator",
    ),
    _mutant(
        "a crypto-NAK counts as a packet without a MAC",
        "wire/keyring.py",
        "            return Verdict.CRYPTO_NAK\n",
        "            return Verdict.ABSENT\n",
        "test_constants.py::test_a_crypto_nak_tears_nothing_down",
    ),
    _mutant(
        "a CMAC key may be too long",
        "wire/mac.py",
        "len(secret) != expected",
        "len(secret) < expected",
        "test_authentication.py::test_cmac_keys_have_exactly_one_length",
    ),
    _mutant(
        "a tag that was cut short is accepted",
        "wire/mac.py",
        "return length == min(self._whole, SHORT_TAG)",
        "return length <= min(self._whole, SHORT_TAG)",
        "test_authentication.py::test_a_tag_that_was_cut_short_proves_nothing",
    ),
    _mutant(
        "only the first octets of a tag are compared",
        "wire/mac.py",
        "_compare_digest(self.tag(covered)[: len(tag)], tag)",
        "_compare_digest(self.tag(covered)[:8], tag[:8])",
        "test_authentication.py::test_hmac_tags_of_three_lengths_are_accepted",
    ),
)

_PROTOCOL = (
    _mutant(
        "UNREACH is 23",
        "protocol/association.py",
        "self._unreachable_polls >= 24",
        "self._unreachable_polls >= 23",
        "test_constants.py::test_a_silent_server_is_forgotten_after_unreach_polls",
    ),
    _mutant(
        "the dispersion doesn't grow with PHI",
        "protocol/association.py",
        " + PHI * max(raw - estimate.raw, 0) / NANOSECONDS",
        "",
        "test_constants.py::test_dispersion_grows_with_age_at_phi",
    ),
    _mutant(
        "the volley has one exchange too many",
        "protocol/association.py",
        "if self._good >= GOOD_EXCHANGES:",
        "if self._good > GOOD_EXCHANGES:",
        "test_poll.py::test_the_volley",
    ),
    _mutant(
        "the kiss code RSTR is ignored",
        "protocol/association.py",
        'elif code in (b"DENY", b"RSTR"):',
        'elif code == b"DENY":',
        "test_association.py::test_a_server_that_refuses_service_is_neither_asked_nor_used",
    ),
    _mutant(
        "a multicast with leap indicator 3 is accepted",
        "protocol/packet_tests.py",
        'Test("unsynchronised", "RFC 5905 section 9.2", lambda packet: packet.header.leap != LEAP_UNSYNCHRONISED)',
        'Test("unsynchronised", "RFC 5905 section 9.2", lambda packet: packet.header.leap <= LEAP_UNSYNCHRONISED)',
        "test_association.py::test_packets_that_are_not_believed",
    ),
    _mutant(
        "the newest multicast is accepted a second time",
        "protocol/packet_tests.py",
        "later(packet.header.transmit, packet.last_transmit) > 0",
        "later(packet.header.transmit, packet.last_transmit) >= 0",
        "test_association.py::test_packets_that_fail_leave_an_association_as_it_is",
    ),
    _mutant(
        "a server whose interval only touches the intersection agrees",
        "protocol/selection.py",
        "if candidate.low < high and candidate.high > low]",
        "if candidate.low <= high and candidate.high >= low]",
        "test_selection.py::test_who_only_touches_the_intersection_disagrees",
    ),
    _mutant(
        "a server of stratum 2 that follows this host is followed",
        "protocol/system.py",
        "header.stratum > 1 and header.reference_id in references",
        "header.stratum > 2 and header.reference_id in references",
        "test_constants.py::test_a_server_that_follows_this_host_is_not_followed",
    ),
    _mutant(
        "the sender has no jitter",
        "protocol/multicast_server.py",
        "self.due = self._tick + round(self._random() * _JITTER)",
        "self.due = self._tick",
        "test_constants.py::test_a_multicast_is_late_by_a_tenth_of_a_second_at_most",
    ),
    _mutant(
        "more answers are remembered than the bound",
        "protocol/responder.py",
        "if len(self._departures) > self._limit:",
        "if len(self._departures) > 2 * self._limit:",
        "test_responder.py::test_the_memory_of_answers_is_bounded_and_forgets_the_oldest",
    ),
    _mutant(
        "a departure is told twice",
        "protocol/responder.py",
        "return self._departures.pop(receive, None)",
        "return self._departures.get(receive)",
        "test_responder.py::test_a_departure_is_told_once",
    ),
    _mutant(
        "a burst has one answer too many",
        "protocol/responder.py",
        "(self._burst - 1) * NANOSECONDS",
        "self._burst * NANOSECONDS",
        "test_responder.py::test_an_address_that_proves_nothing_gets_sixteen_answers_at_once_and_then_one_a_second",
    ),
    _mutant(
        "more refusals are remembered than the bound",
        "protocol/refusals.py",
        "if len(self._known) > LIMIT:",
        "if len(self._known) > LIMIT + 1:",
        "test_problems.py::test_refusals_have_a_bound_and_an_end",
    ),
)

_CLOCK = (
    _mutant(
        "the delay of a short way may be negative",
        "filter/estimator.py",
        "return max(min(self._round_trips), MINIMUM_SCALE)",
        "return min(self._round_trips)",
        "test_estimator.py::test_stamps_that_contradict_each_other_give_a_delay_too",
    ),
    _mutant(
        "the process noise of the offset grows with the square of time",
        "filter/kalman.py",
        "intensity * seconds**3 / 3",
        "intensity * seconds**2 / 3",
        "test_constants.py::test_time_goes_by_alike_in_one_step_and_in_two",
    ),
    _mutant(
        "the panic threshold is doubled",
        "clock/discipline.py",
        "if distance > self._settings.panic_threshold:",
        "if distance > 2 * self._settings.panic_threshold:",
        "test_constants.py::test_the_edge_of_the_panic_threshold",
    ),
    _mutant(
        "a step at the start allows all later ones",
        "clock/discipline.py",
        'self._may_step = self._settings.step == "always"',
        'self._may_step = self._settings.step != "never"',
        "test_discipline.py::test_a_large_offset_is_stepped_once_at_start",
    ),
    _mutant(
        "the slew has no bound",
        "clock/discipline.py",
        "slew = max(-MAXIMUM_SLEW, min(MAXIMUM_SLEW, offset / NANOSECONDS / _TIME_CONSTANT))",
        "slew = offset / NANOSECONDS / _TIME_CONSTANT",
        "test_discipline.py::test_a_large_offset_is_stepped_once_at_start",
    ),
    _mutant(
        "one pause allows all later steps",
        "clock/discipline.py",
        "        self._step_after_pause = 0.0\n        return 0\n",
        "        return 0\n",
        "test_discipline.py::test_a_pause_allows_one_step_ahead_of_about_its_length",
    ),
    _mutant(
        "a part of a pause is told for the whole",
        "protocol/standstill.py",
        "self.catching_up = here < _UNPUNCTUAL and",
        "self.catching_up = False and",
        "test_standstill.py::test_packets_that_waited_do_not_tell_a_part_of_the_pause_for_the_whole",
    ),
    _mutant(
        "the clock helper makes the initial step again",
        "clock/helper/policy.py",
        'settings.step == "never" or (settings.step == "start" and used)',
        'settings.step == "never"',
        "test_clock_helper.py -k initial_step",
    ),
    _mutant(
        "the clock helper arms a leap second on any day",
        "clock/helper/policy.py",
        "today(leap, self._real())",
        "leap",
        "test_clock_helper.py -k leap_second",
    ),
    _mutant(
        "the clock helper steps back after a pause",
        "clock/helper/policy.py",
        "if not 0 < nanoseconds <= LONGEST_PAUSE",
        "if not 0 < abs(nanoseconds) <= LONGEST_PAUSE",
        "test_clock_helper.py -k after_a_pause",
    ),
)

_HOST = (
    _mutant(
        "a whole number may be one below its range",
        "config/schema.py",
        "require(is_whole(value) and low <= value <= high, value)",
        "require(is_whole(value) and low - 1 <= value <= high, value)",
        "test_configuration.py::test_a_rule_is_pinned_at_its_edges",
    ),
    _mutant(
        "the group may write the key file",
        "config/key_file.py",
        "_FORBIDDEN_MODE = 0o037",
        "_FORBIDDEN_MODE = 0o017",
        "test_key_file.py::test_permissions",
    ),
    _mutant(
        "the state file keeps the oldest timestamps",
        "daemon/state_file.py",
        "reverse=True)[:MAXIMUM_ENTRIES]",
        "reverse=False)[:MAXIMUM_ENTRIES]",
        "test_control_and_state.py::test_state_is_bounded",
    ),
    _mutant(
        "a lost server is told as refused packets",
        "observe/problems.py",
        'yield _problem("server_lost", ',
        'yield _problem("refused", ',
        "test_problems.py::test_a_server_that_falls_silent_is_told_as_lost",
    ),
    _mutant(
        "a failed request is told without its advice",
        "observe/problems.py",
        "sentence, item.failure.advice, ",
        'sentence, "", ',
        "test_problems.py::test_a_request_that_the_network_does_not_take_is_told_with_its_advice",
    ),
    _mutant(
        "a listener doesn't read the hop limit of IPv6",
        "net/control_messages.py",
        "(socket.IPPROTO_IPV6, _IPV6_HOPLIMIT))",
        "(socket.IPPROTO_IPV6, _IP_TTL))",
        "test_sockets.py::test_the_hops_that_are_left_are_read",
    ),
    _mutant(
        "the kernel's filter lets NTP version 5 through",
        "net/bpf.py",
        "(_JUMP_ABOVE, 0, 1, 4)",
        "(_JUMP_ABOVE, 0, 1, 5)",
        "test_bpf.py::test_every_version_and_mode",
    ),
    _mutant(
        "a temporary IPv6 address is used before a permanent one",
        "net/addresses.py",
        "bool(item.flags & _TEMPORARY)",
        "not item.flags & _TEMPORARY",
        "test_constants.py::test_the_address_that_multicasts_leave_with",
    ),
    _mutant(
        "a membership counts for the first interface of the kernel's list",
        "net/addresses.py",
        "            index = int(words[0])\n",
        "            index = index or int(words[0])\n",
        "test_addresses.py::test_a_membership_belongs_to_its_interface",
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_WIRE, *_PROTOCOL, *_CLOCK, *_HOST)
