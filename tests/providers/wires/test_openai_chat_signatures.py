"""What goes back unchanged on Chat Completions: signatures in every dialect, pictures and sound."""

from base64 import b64encode
from typing import Any

import pytest

from providers.types import Json, ProviderItemPart, TextPart
from providers.types.quirks import NONE, Quirks
from tests.compatibility import understood
from tests.providers.wires.chat_chunks import CALL, chunk, piece, play
from tests.providers.wires.chat_saying import HI, LOCAL, STOP, choice
from tests.providers.wires.playing import check_consistent


def returned(*stream: Any, quirks: Quirks = NONE) -> Json:
    """Return the message in which the answer goes back."""
    (message,) = play([*stream], quirks=quirks).result.native
    return message


GOOGLE = {"google": {"thought_signature": "c2lnbmVk"}}
BLOCK = {"type": "thinking", "thinking": "Hm", "signature": ""}
SEALED_BLOCK = {"type": "thinking", "thinking": "", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "enc"}
DETAIL = {"type": "reasoning.text", "index": 0, "format": "f"}

SIGNED = [
    understood(
        [piece(id="a", name="look", arguments="{}", extra_content=GOOGLE), chunk("tool_calls")],
        {
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "look", "arguments": "{}"},
                    "extra_content": GOOGLE,
                }
            ]
        },
        server="Gemini",
        oddity="The signature on a call goes back on the call.",
        id="Google's signature on a call",
    ),
    pytest.param(
        [chunk(content="Hi", extra_content=GOOGLE), STOP],
        {"content": "Hi", "extra_content": GOOGLE},
        id="Google's signature on words",
    ),
    pytest.param(
        [chunk(content="Hm", extra_content={"google": {"thought": True} | GOOGLE["google"]}), HI, STOP],
        {"content": "Hi", "extra_content": GOOGLE},
        id="Google's signature on a thought",
    ),
    understood(
        [
            chunk(
                reasoning_content="Hm",
                thinking_blocks=[BLOCK],
                provider_specific_fields={"thinking_blocks": [BLOCK]},
            ),
            chunk(
                thinking_blocks=[SEALED_BLOCK], provider_specific_fields={"thinking_blocks": [SEALED_BLOCK]}
            ),
            chunk(thinking_blocks=[REDACTED]),
            CALL,
            chunk("tool_calls"),
        ],
        {"thinking_blocks": [BLOCK | {"signature": "c2ln"}, REDACTED], "reasoning_content": None},
        server="LiteLLM",
        oddity="Signed `thinking_blocks` go back unchanged.",
        id="LiteLLM's blocks",
    ),
    pytest.param(
        [chunk(reasoning_content="Hm", thinking_blocks=[BLOCK]), CALL, chunk("tool_calls")],
        {"thinking_blocks": None, "reasoning_content": "Hm"},
        id="a block without a signature",
    ),
    pytest.param(
        [
            piece(
                id="a",
                name="look",
                arguments="{}",
                provider_specific_fields={"thought_signature": "c2ln", "x": 1},
            ),
            chunk("tool_calls", provider_specific_fields={"thought_signatures": ["c2ln"], "citations": [1]}),
        ],
        {
            "provider_specific_fields": {"thought_signatures": ["c2ln"]},
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "look", "arguments": "{}"},
                    "provider_specific_fields": {"thought_signature": "c2ln"},
                }
            ],
        },
        id="LiteLLM's signatures",
    ),
    understood(
        [chunk(reasoning_text="Hm"), chunk(reasoning_opaque="b3BhcXVl"), HI, STOP],
        {"content": "Hi", "reasoning_text": "Hm", "reasoning_opaque": "b3BhcXVl"},
        server="GitHub Copilot",
        oddity="`reasoning_opaque` goes back with the thoughts that it belongs to.",
        id="Copilot's state",
    ),
    pytest.param(
        [chunk(reasoning_text="Hm"), HI, STOP], {"content": "Hi", "reasoning_text": None}, id="no state"
    ),
    pytest.param(
        [chunk(reasoning_content={"text": "Hm"}), chunk(reasoning_content={"signature": "c2ln"}), HI, STOP],
        {"content": "Hi", "reasoning_content": {"text": "Hm", "signature": "c2ln"}},
        id="a signed object",
    ),
    pytest.param(
        [chunk(content=[{"type": "reasoning", "summary": [{"text": "Hm", "signature": "c2ln"}]}]), HI, STOP],
        {
            "content": [
                {"type": "reasoning", "summary": [{"text": "Hm", "signature": "c2ln"}]},
                {"type": "text", "text": "Hi"},
            ]
        },
        id="a signed part of the content",
    ),
    understood(
        [
            chunk(reasoning="A", reasoning_details=[DETAIL | {"text": "A"}]),
            chunk(reasoning_details=[DETAIL | {"signature": "one"}]),
            HI,
            chunk(reasoning="B", reasoning_details=[DETAIL | {"text": "B"}]),
            chunk(reasoning_details=[DETAIL | {"signature": "two"}]),
            STOP,
        ],
        {
            "reasoning_details": [
                DETAIL | {"text": "A", "signature": "one"},
                DETAIL | {"text": "B", "signature": "two"},
            ]
        },
        server="OpenRouter",
        oddity="Two signed thoughts with one number are two, each with its own signature.",
        id="two signed details",
    ),
    pytest.param(
        [
            chunk(reasoning_details=[DETAIL | {"text": "A", "id": "1"}, DETAIL | {"text": "B", "id": "2"}]),
            chunk(reasoning_details=[DETAIL | {"text": "a", "id": "1"}, DETAIL | {"text": "b", "id": "2"}]),
            HI,
            STOP,
        ],
        {"reasoning_details": [DETAIL | {"text": "Aa", "id": "1"}, DETAIL | {"text": "Bb", "id": "2"}]},
        id="details with ids, in turns",
    ),
    pytest.param(
        [
            chunk(reasoning_details=[DETAIL | {"text": "A", "signature": "one"}]),
            HI,
            choice(
                message={"content": "Hi", "reasoning_details": [DETAIL | {"text": "A", "signature": "one"}]},
                finish_reason="stop",
            ),
        ],
        {"content": "Hi", "reasoning_details": [DETAIL | {"text": "A", "signature": "one"}]},
        id="details once more at the end",
    ),
    pytest.param(
        [chunk(content="<think>Hm</think>Yes"), STOP],
        {"content": "Yes", "reasoning": None, "reasoning_content": None},
        id="thoughts in tags do not go back",
    ),
]


@pytest.mark.parametrize(("stream", "expected"), SIGNED)
def test_what_only_the_provider_understands_goes_back_unchanged(stream: list[Json], expected: Json) -> None:
    message = returned(*stream, quirks=LOCAL)
    assert {name: message.get(name) for name in expected} == expected


PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        pytest.param({"images": [PICTURE]}, PICTURE, id="a list"),
        pytest.param({"images": PICTURE}, PICTURE, id="one alone"),
        pytest.param({"images": ["data:image/png;base64,AAAA"]}, PICTURE, id="its address"),
        pytest.param({"images": ["AAAA"]}, PICTURE, id="its bytes"),
        pytest.param({"generated_images": [PICTURE]}, PICTURE, id="generated_images"),
        pytest.param({"multi_mod_content": [{"text": "Hi"}, PICTURE]}, PICTURE, id="beside the words' parts"),
        pytest.param({"content": [PICTURE]}, PICTURE, id="a part of the content"),
    ],
)
def test_a_picture_is_an_item_and_goes_back(delta: Json, expected: Json) -> None:
    told = play([HI, chunk(**delta), STOP])
    assert told.result.parts == (TextPart(text="Hi"), ProviderItemPart(kind="image_url", data=expected))
    assert told.result.native == ({"role": "assistant", "content": "Hi", "images": [expected]},)
    assert play([chunk(**delta), STOP]).result.native == (
        {"role": "assistant", "content": "", "images": [expected]},
    )


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(["UklGRiQA", "AABXQVZF"], id="cut anywhere"),
        pytest.param(
            [b64encode(b"RIFF").decode(), b64encode(b"$\0\0\0WAVE").decode()], id="encoded one by one"
        ),
    ],
)
def test_sound_is_an_item_and_its_transcript_the_text(pieces: list[str]) -> None:
    told = play(
        [
            chunk(audio={"id": "audio_7", "transcript": "Good "}),
            chunk(audio={"data": pieces[0]}),
            chunk(audio={"transcript": "day."}),
            chunk(audio={"data": pieces[1], "expires_at": 9}),
            STOP,
        ]
    )
    check_consistent(told)
    sound = {
        "id": "audio_7",
        "expires_at": 9,
        "data": b64encode(b"RIFF$\0\0\0WAVE").decode(),
        "transcript": "Good day.",
    }
    assert told.result.parts == (TextPart(text="Good day."), ProviderItemPart(kind="audio", data=sound))
    assert told.result.native == ({"role": "assistant", "content": "Good day."},)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param([choice(delta={}, images=[PICTURE])], id="beside the delta"),
        pytest.param([chunk(images=[PICTURE]), chunk(images=[PICTURE])], id="said twice"),
    ],
)
def test_a_picture_is_shown_once_wherever_it_stands(stream: list[Json]) -> None:
    told = play([*stream, STOP])
    assert told.result.parts == (ProviderItemPart(kind="image_url", data=PICTURE),)
