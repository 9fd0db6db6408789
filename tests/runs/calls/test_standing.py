"""What standing decisions make of a step's calls."""

import json
from dataclasses import replace
from typing import Any

import pytest

from runs.calls import planning
from runs.calls.offers import OfferedTools
from runs.calls.standing import StandingRule, StandingRules, fingerprint
from runs.models.standing_decision import Verdict
from runs.toolbox.tool import Tool
from tests.runs.calls.test_planning import OFFER, said

GATED = OFFER.tools["gated"]


def rule(verdict: Verdict, pattern: str, *allowed: Tool) -> StandingRule:
    digests = {tool.name: fingerprint(tool) for tool in allowed}
    return StandingRule(id=1, verdict=verdict, pattern=pattern, tools=digests, owner_id=1, owner_name="ada")


ALLOW, ASK, DENY = rule(Verdict.ALLOW, "ga*", GATED), rule(Verdict.ASK, "*"), rule(Verdict.DENY, "*ted")


def planned(name: str, *rules: StandingRule, offer: OfferedTools = OFFER, arguments: str = "{}") -> Any:
    (call,) = planning.plan(said(name, arguments=arguments), offer, StandingRules(rules))
    return call


@pytest.mark.parametrize(
    ("name", "rules", "becomes"),
    [
        ("gated", [ALLOW], "running"),
        ("gated", [ASK, ALLOW], "pending"),
        ("gated", [ALLOW, ASK, DENY], "denied"),
        ("gated", [rule(Verdict.ALLOW, "gated")], "pending"),
        ("gated", [rule(Verdict.ALLOW, "other", GATED)], "pending"),
        ("free", [ASK], "pending"),
        ("free", [rule(Verdict.DENY, "free")], "denied"),
        ("free", [rule(Verdict.DENY, "Free")], "running"),
        ("clients", [rule(Verdict.ALLOW, "*", GATED)], "pending"),
        ("clients", [rule(Verdict.DENY, "cl*")], "denied"),
        ("unknown", [rule(Verdict.DENY, "*")], "running"),
    ],
)
def test_deny_wins_over_ask_and_ask_over_allow(name: str, rules: list[StandingRule], becomes: str) -> None:
    call = planned(name, *rules)
    assert ("denied" if call.is_denied else call.status.value) == becomes
    assert call.is_approved is (ALLOW in rules and becomes == "running")


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"type": "object", "properties": {"path": {"type": "string"}}}},
        {"executor": "another command"},
        {"description": "Now it deletes."},
        {"source": "mcp:other"},
    ],
)
def test_what_is_allowed_is_the_tool_as_it_was(change: dict[str, Any]) -> None:
    offer = OfferedTools(tools={"gated": replace(GATED, **change)})
    assert planned("gated", ALLOW, offer=offer).status == "pending"


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x1b", "\x7f", "\U000e0041"])
@pytest.mark.parametrize("is_escaped", [True, False])
def test_a_person_sees_arguments_with_hidden_characters(character: str, is_escaped: bool) -> None:
    arguments = json.dumps({"text": f"a{character}b"}, ensure_ascii=is_escaped)
    assert planned("gated", ALLOW, arguments=arguments).status == "pending"
    assert planned("gated", ALLOW, arguments='{"text": "Z\u00fcrich 👩‍💻\\n"}').status == "running"


def test_nothing_is_allowed_beforehand_where_that_is_switched_off() -> None:
    rules = StandingRules((ALLOW,), may_allow=False)
    (call,) = planning.plan(said("gated"), OFFER, rules)
    assert call.status == "pending"
    (call,) = planning.plan(said("gated"), OFFER, replace(rules, rules=(DENY,)))
    assert call.is_denied


def test_a_call_that_waits_holds_those_that_are_decided() -> None:
    offer = OfferedTools(tools={**OFFER.tools, "other": replace(GATED, name="other")})
    first, second = planning.plan(said("gated", "other"), offer, StandingRules((ALLOW,)))
    assert (first.status, second.status) == ("held", "pending")
    assert first.is_approved
