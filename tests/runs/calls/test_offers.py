"""The tools that a client declares: mended like an MCP server's, or refused in a sentence before anything is stored."""

from typing import Any

import pytest

from runs.calls.offers import client_specs
from runs.errors import Unsupported

TEXT = {"type": "string"}


def declared(parameters: Any) -> list[dict[str, Any]]:
    return [{"name": "ask", "description": "Asks.", "parameters": parameters}]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (None, {}),
        ({}, {}),
        ({"properties": {"a": TEXT}}, {"type": "object", "properties": {"a": TEXT}}),
        ({"anyOf": [{"properties": {"a": TEXT}}]}, {"type": "object", "properties": {"a": TEXT}}),
        ({"type": "object", "properties": []}, {"type": "object", "properties": {}}),
    ],
)
def test_a_clients_tool_is_mended(parameters: Any, expected: Any) -> None:
    spec = client_specs(declared(parameters), strict=True)["ask"]
    assert (spec.name, spec.description, spec.parameters) == ("ask", "Asks.", expected)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"type": "string"}, "its arguments are no object"),
        ({"properties": {"a": {"$ref": "#/$defs/Gone"}}}, r"it refers to #/\$defs/Gone, which is not there"),
        ({"properties": {"$top": TEXT}}, r"its argument '\$top' has a name that providers refuse"),
    ],
)
def test_a_clients_tool_that_no_model_can_be_offered_says_why(parameters: Any, words: str) -> None:
    with pytest.raises(Unsupported, match=f"The tool ask cannot be offered to a model: {words}"):
        client_specs(declared(parameters), strict=True)
    # A run that was started before goes on.
    assert client_specs(declared(parameters), strict=False)["ask"].parameters == {}
