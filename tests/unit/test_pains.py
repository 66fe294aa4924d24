# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 25 pains of fact 4.1, and for each the tests that fail without its cure."""

from __future__ import annotations

import ast
import functools
import pathlib

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]

SESSION = "unit/plugin_utils/vrp_session/test_session.py"
SCREEN = "unit/plugin_utils/vrp_session/test_session_screen.py"
CANDIDATE = "unit/plugin_utils/vrp_session/test_candidate.py"
DISPLAY = "unit/plugin_utils/vrp_session/test_display.py"
RANDOM = "unit/plugin_utils/vrp_session/test_random_output.py"
PLAN = "unit/plugin_utils/ntp/test_plan.py"
PARSE = "unit/plugin_utils/vrp/test_grammar_parse.py"
RENDER = "unit/plugin_utils/vrp/test_grammar_render.py"
VALIDATION = "unit/plugin_utils/ntp/test_validation.py"
MATRIX = "integration/vrp/test_transaction_matrix.py"
PLAYBOOKS = "integration/vrp/test_playbooks.py"
BEFORE = "integration/vrp/test_preconditions.py"

PAINS: dict[int, tuple[str, list[tuple[str, str]]]] = {
    1: (
        "all or nothing",
        [(MATRIX, "test_matrix"), (CANDIDATE, "test_whatever_is_wrong_with_a_line_clears_the_candidate")],
    ),
    2: (
        "a commit that was refused",
        [
            (CANDIDATE, "test_refused_commits"),
            (CANDIDATE, "test_a_refusal_that_shows_in_the_prompt_alone"),
            (CANDIDATE, "test_a_cancelled_commit_is_no_success_even_with_nothing_pending"),
        ],
    ),
    3: ("the question with Y, N and C", [(SESSION, "test_a_question_with_three_answers_never_gets_a_yes")]),
    4: ("pending lines of others", [(CANDIDATE, "test_lines_of_others_are_left_alone"), (MATRIX, "test_matrix")]),
    5: (
        "what looks like a prompt",
        [
            (SESSION, "test_only_the_own_name_makes_a_prompt"),
            (SESSION, "test_a_configuration_line_that_equals_the_prompt_does_not_end_the_answer"),
            (RANDOM, "test_random_answers_end_at_the_prompt_alone"),
        ],
    ),
    6: ("a commit that changes the prompt", [(SESSION, "test_a_commit_may_change_the_name")]),
    7: (
        "keys that can't be compared",
        [
            (PLAYBOOKS, "test_keys_converge_with_the_memory_in_the_fact_cache"),
            (PLAYBOOKS, "test_nothing_secret_is_printed_or_seen_in_the_process_list"),
            (PLAN, "test_without_memory_update_secrets_decides"),
        ],
    ),
    8: (
        "the defects of ce_ntp_auth",
        [
            (PARSE, "test_key_1_is_not_key_10"),
            (PLAN, "test_another_algorithm"),
            (PLAN, "test_trust_alone"),
            (PLAYBOOKS, "test_each_state_converges"),
        ],
    ),
    9: ("no module for multicast", [(PLAYBOOKS, "test_each_state_converges")]),
    10: (
        "lines that come and go by themselves",
        [
            (PLAN, "test_the_automatic_lines_are_not_fought"),
            (PLAN, "test_the_first_line_brings_them_and_the_last_one_takes_them"),
        ],
    ),
    11: (
        "authentication before associations",
        [
            (PLAN, "test_going_and_coming"),
            (PLAN, "test_associations_are_created_anew_when_authentication_comes_under_them"),
            (BEFORE, "test_associations_that_were_there_before_authentication_run_with_it"),
        ],
    ),
    12: (
        "removal the other way round",
        [(PLAN, "test_the_switch_goes_last_when_all_goes"), (RENDER, "test_the_way_back")],
    ),
    13: (
        "two spellings",
        [
            (DISPLAY, "test_the_dialect_is_the_longest_word_that_the_device_takes"),
            (RENDER, "test_the_procedure_on_cloudengine"),
            (RENDER, "test_the_procedure_on_netengine"),
        ],
    ),
    14: (
        "time stamps, log lines, wrapped echoes, pages",
        [
            (SESSION, "test_log_lines_and_time_stamps_are_left_out"),
            (SESSION, "test_a_wrapped_echo_is_an_echo"),
            (SESSION, "test_pages_are_turned"),
            (SCREEN, "test_the_erased_pager_leaves_no_blanks"),
        ],
    ),
    15: (
        "questions and banners at login",
        [
            (SESSION, "test_login_learns_the_name"),
            (SESSION, "test_the_initial_password_is_kept"),
            (SESSION, "test_an_expired_password_stops"),
        ],
    ),
    16: (
        "a line that takes effect in the view above",
        [(CANDIDATE, "test_whatever_is_wrong_with_a_line_clears_the_candidate")],
    ),
    17: (
        "spellings of an interface",
        [
            (PARSE, "test_interface_names"),
            (PLAN, "test_names_compare_as_devices_compare_them"),
            (SESSION, "test_views_are_compared_without_case_and_blanks"),
        ],
    ),
    18: ("locked, busy, in conflict", [(CANDIDATE, "test_a_lock_that_cannot_be_had"), (MATRIX, "test_matrix")]),
    19: ("saving", [(MATRIX, "test_saving"), (SESSION, "test_known_questions")]),
    20: ("commits that take long", [(MATRIX, "test_matrix"), (CANDIDATE, "test_a_commit_has_a_time_limit_of_its_own")]),
    21: (
        "layer 2 ports",
        [
            (BEFORE, "test_layer_2_ports_are_told_before_the_first_line"),
            (BEFORE, "test_a_port_that_may_be_of_layer_2_by_default_is_explained"),
        ],
    ),
    22: (
        "manuals that disagree about the default of ttl",
        [
            (PLAN, "test_defaults_are_equal_whether_said_or_not"),
            (RENDER, "test_nothing_but_what_was_asked_for_is_written"),
        ],
    ),
    23: (
        "keys of version 4 packets",
        [(VALIDATION, "test_keys_of_version_4_packets"), (PLAYBOOKS, "test_bad_input_is_refused_before_the_login")],
    ),
    24: ("check mode", [(PLAYBOOKS, "test_check_mode_only_looks"), (PLAYBOOKS, "test_each_state_converges")]),
    25: ("accounts of level 2", [(MATRIX, "test_a_level_2_account_reads_what_it_may")]),
}


@functools.cache
def functions_in(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_no_pain_is_left_out() -> None:
    assert list(PAINS) == list(range(1, 26))


@pytest.mark.parametrize("number", PAINS)
def test_each_pain_has_its_tests(number: int) -> None:
    _pain, tests = PAINS[number]
    assert tests
    for path, name in tests:
        assert name in functions_in(path), f"{path} has no {name}"
