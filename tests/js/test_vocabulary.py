"""The page's words for the server's states and reasons: one for each that the server has, and no other.

Reads the tables as text, so that it runs where there is no Node.js.
"""

import re
from enum import Enum
from pathlib import Path

import pytest

from providers.types.cost import CostIs
from runs.models.tool_call import OPEN, Decision, ToolCallStatus
from runs.states import TERMINAL, CancelledBy, RunStatus, StopReason

STATIC = Path(__file__).resolve().parents[2] / "static" / "runnel"
VOCABULARY = (STATIC / "js" / "vocabulary.js").read_text()


def keys(table: str) -> list[str]:
    """Return the keys of an object literal that ``vocabulary.js`` exports under this name."""
    literal = re.search(rf"^export const {table} = \{{(.*?)\}};$", VOCABULARY, re.MULTILINE | re.DOTALL)
    assert literal, f"vocabulary.js exports no table {table}"
    return re.findall(r"(\w+): ", re.sub(r'"[^"]*"', '""', literal[1]))


def open_calls() -> set[str]:
    """Return what ``OPEN_CALLS`` lists besides the page's own statuses."""
    listed = re.search(r"^export const OPEN_CALLS = .*$", VOCABULARY, re.MULTILINE)
    assert listed
    return set(re.findall(r'"(\w+)"', listed[0]))


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("RUN_STATUSES", RunStatus),
        ("STOP_REASONS", StopReason),
        ("CANCELLED_BY", CancelledBy),
        ("CALL_STATUSES", ToolCallStatus),
        ("DECISIONS", Decision),
        ("COST_MARKS", CostIs),
    ],
)
def test_it_has_words_for_each_value_of_the_servers_and_none_left_over(table: str, values: type[Enum]):
    assert sorted(keys(table)) == sorted(value.value for value in values)


def test_it_knows_which_calls_have_no_result_yet():
    assert open_calls() == OPEN


def test_it_says_what_is_left_of_open_calls_for_each_end_of_a_run():
    assert set(keys("LEFT_CALLS")) == TERMINAL


def test_the_pages_own_statuses_are_none_of_the_servers():
    assert not set(keys("PAGE_CALL_STATUSES")) & set(ToolCallStatus)


def test_titles_of_results_are_those_of_statuses():
    assert set(keys("RESULT_TITLES")) <= set(ToolCallStatus)


def test_style_sheets_name_no_other_status():
    known = {*RunStatus, *ToolCallStatus, *keys("PAGE_CALL_STATUSES")}
    named = {
        status
        for sheet in (STATIC / "css").rglob("*.css")
        for status in re.findall(r'\[data-status="?(\w+)"?\]', sheet.read_text())
    }

    assert named
    assert named <= known
