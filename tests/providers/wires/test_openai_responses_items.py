"""OpenAI Responses: items that are no words, and what goes back."""

import pytest

from providers.types import FinishReason, Json, ProviderItemPart
from providers.types.events import (
    ProviderItem,
)
from providers.wires import openai_responses as wire
from tests.providers.wires.playing import Cut
from tests.providers.wires.responses_events import (
    HALF_CALL,
    LOOK,
    SEALED,
    SEARCH,
    SHELL,
    SHELL_OUTPUT,
    START,
    added,
    call,
    delta,
    done,
    end,
    play,
    sends_back,
    text,
    thought,
)


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "compaction",
        "an_item_of_tomorrow",
    ],
)
def test_it_keeps_every_other_item_once_it_is_complete(kind: str) -> None:
    item = {"type": kind, "id": "x_1", "status": "completed"}
    told = play([added(0, item | {"status": "in_progress"}), done(0, item), end("completed", item)])
    assert told.meaning == [ProviderItem(kind, item)]
    assert told.result.parts == (ProviderItemPart(kind=kind, data=item),)
    assert play([added(0, item)], cancel=True).result.parts == ()


CUTS = [
    Cut(name="before anything", stream=[], native=[]),
    Cut(name="before the first item", stream=[START], native=[]),
    Cut(name="within words", stream=text(0, "He", "llo")[:2], native=[sends_back("He")]),
    Cut(
        name="within a refusal",
        stream=[delta("refusal", 0, "No")],
        native=[{"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]}],
    ),
    Cut(name="within a thought", stream=thought(0, "Hm", sealed="gAAA")[:-1], native=[]),
    Cut(name="after a thought", stream=thought(0, "Hm", sealed="gAAA"), native=[]),
    Cut(
        name="within words after a thought",
        stream=[*thought(0, "Hm", sealed="gAAA"), *text(1, "He")[:2]],
        native=[SEALED, sends_back("He")],
    ),
    Cut(
        name="after a thought that was not encrypted",
        stream=[*thought(0, "Hm", sealed=None), *text(1, "He")],
        native=[sends_back("He")],
    ),
    Cut(name="within a call", stream=[*thought(0, "Hm", sealed="gAAA"), *HALF_CALL], native=[]),
    Cut(
        name="after a call",
        stream=[*thought(0, "Hm", sealed="gAAA"), *call(1, "{}")],
        native=[SEALED, LOOK],
    ),
    Cut(
        name="after a search",
        stream=[*thought(0, "Hm", sealed="gAAA"), done(1, SEARCH)],
        native=[SEALED, {name: value for name, value in SEARCH.items() if name != "id"}],
    ),
    Cut(name="between a shell call and its output", stream=[done(0, SHELL)], native=[]),
    Cut(
        name="after the output of a shell call",
        stream=[done(0, SHELL), done(1, SHELL_OUTPUT)],
        native=[SHELL, SHELL_OUTPUT],
    ),
    Cut(name="after the output of an earlier shell call", stream=[done(0, SHELL_OUTPUT)], native=[]),
    Cut(
        name="after a question that is not answered",
        stream=[done(0, {"type": "mcp_approval_request", "id": "mcpr_1"})],
        native=[],
    ),
    Cut(
        name="after a call that nobody answers",
        stream=[*text(0, "He"), done(1, {"type": "custom_tool_call", "name": "run", "input": "1"})],
        native=[sends_back("He")],
    ),
]


@pytest.mark.parametrize(
    ("items", "names"),
    [
        (
            [{"type": "custom_tool_call", "call_id": "c", "name": "write_sql", "input": "SELECT 1"}],
            ("write_sql",),
        ),
        ([{"type": "mcp_approval_request", "id": "mcpr_1", "name": "pay"}], ("pay",)),
        ([{"type": "local_shell_call", "call_id": "c", "action": {}}], ("local_shell_call",)),
        ([SHELL], ("shell_call",)),
        ([SHELL, SHELL_OUTPUT], ()),
        ([SEARCH], ()),
        ([{"type": "mcp_call", "id": "m", "name": "pay", "output": "paid"}], ()),
    ],
)
def test_it_names_the_calls_that_wait_for_a_client_of_the_providers(
    items: list[Json], names: tuple[str, ...]
) -> None:
    result = play([*(done(place, item) for place, item in enumerate(items)), end("completed", *items)]).result
    assert result.stop_reason is FinishReason.END_TURN
    assert result.unexecuted == names


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.name)
def test_it_sends_back_only_what_the_provider_takes(cut: Cut) -> None:
    cut.check(wire.KIND)
