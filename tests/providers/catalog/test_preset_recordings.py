"""What vendors really answered, read as their presets read it: over a socket, through the SDK, with their quirks."""

import pytest
from pytest_django.fixtures import Settings

from providers import catalog
from providers.catalog.presets import PRESETS
from tests.contract.reading import COUNTS, Recording, read, recordings
from tests.providers.calling import Call
from tests.providers.catalog.test_presets import set_up
from tests.providers.upstream import streaming, upstream

#: Whose answer a recording is, by what its name holds.
VENDORS = {
    "azure-reasoning-encrypted-content": "azure",
    "completion_azure_stream": "azure-chat",
    "function_calling_azure_grok": "azure-chat",
    "test_deepseek_model_thinking_stream": "deepseek",
    "permission_control_streaming_example": "deepseek",
    "xai-web-search-tool": "xai",
    "reasoning_roundtrip-streaming-c171": "xai",
    "stream_raw_round_trips_terminal_type": "groq",
    "mistral_hybrid_reasoning": "mistral",
    "test_openrouter_stream_with_native_options": "openrouter",
    "openrouter_reasoning_details_round-trip": "openrouter",
    "openinference__test_async_chat_stream": "together",
    "streaming_responses_ollama": "ollama",
    "qwen_reasoning_streaming": "vllm",
}
ABSENT = pytest.param(None, None, marks=pytest.mark.skip(reason="there are no recordings beside the project"))

FOUND = [
    pytest.param(recording, slug, id=f"{slug}-{recording.name}")
    for recording in recordings()
    for part, slug in VENDORS.items()
    if part in recording.name and recording.wire == PRESETS[slug].wire
]


@pytest.mark.parametrize(("recording", "slug"), FOUND or [ABSENT])
async def test_a_vendors_answer_reads_right_through_its_preset(
    recording: Recording, slug: str, settings: Settings, fresh_clients: None
) -> None:
    expected = read(recording.wire, recording.sse, recording.meta)
    async with upstream(streaming(recording.sse)) as server:
        set_up(settings, slug, server.origin)
        result = await Call(catalog.resolve(f"{slug}/some-model")).start()
    assert result.text == expected.text
    assert [call.name for call in result.tool_calls] == [name for name, _ in expected.tool_calls]
    assert result.stop_reason == expected.stop_reason
    assert {name: getattr(result.usage, name) for name in COUNTS} == expected.usage


@pytest.mark.parametrize("slug", ["deepseek", "vllm", "ollama", "lmstudio", "openai-compatible"])
async def test_an_answer_of_nothing_but_thoughts_is_an_answer(
    slug: str, settings: Settings, fresh_clients: None
) -> None:
    frames = (
        b'data: {"choices": [{"index": 0, "delta": {"reasoning_content": "It is 4."}}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n',
    )
    async with upstream(streaming(*frames)) as server:
        set_up(settings, slug, server.origin)
        result = await Call(catalog.resolve(f"{slug}/some-model")).start()
    assert result.text == "It is 4."
