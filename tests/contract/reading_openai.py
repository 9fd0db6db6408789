"""Reads streams of Chat Completions and of Responses, without anything of Runnel's."""

from tests.contract.reading_notes import Call, Json, Notes, Usage, code_of, total

#: OpenAI's words, and what others say for the same.
_CHAT_ENDS = {
    "length": "length",
    "model_length": "length",
    "content_filter": "filtered",
    "sensitive": "filtered",
    "model_context_window_exceeded": "context",
    "network_error": "broken_off",
    "insufficient_system_resource": "out_of_resources",
}


def read_chat(stream: list[Json]) -> Notes:
    notes = Notes()
    slots: dict[int, Call] = {}
    # Groq runs tools itself; it says each twice, first without what came of it.
    executed: dict[int, str] = {}
    for chunk in stream:
        if error := chunk.get("error"):
            notes.error_code = code_of(error)
            break
        notes.response_id = notes.response_id or chunk.get("id") or None
        notes.model = notes.model or chunk.get("model") or None
        if usage := chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage"):
            notes.usage = _chat_usage(usage)
        for choice in chunk.get("choices") or []:
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            _read_chat_words(notes, delta)
            executed |= {tool["index"]: tool["type"] for tool in delta.get("executed_tools") or []}
            for piece in delta.get("tool_calls") or []:
                _read_chat_call(notes, slots, piece)
            if reason := choice.get("finish_reason"):
                notes.end = _CHAT_ENDS.get(reason, "plain")
    notes.items += executed.values()
    return notes


def _read_chat_words(notes: Notes, delta: Json) -> None:
    content = delta.get("content") or ""
    parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for part in parts:
        if part["type"] == "text":
            notes.text.append(part["text"])
        elif part["type"] == "thinking":
            notes.reasoning += [thought.get("text", "") for thought in part["thinking"]]
    if refusal := delta.get("refusal"):
        notes.refused = True
        notes.text.append(refusal)
    details = delta.get("reasoning_details") or []
    spelled_out = "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
    # OpenRouter says the same words in two places.
    notes.reasoning.append(delta.get("reasoning_content") or delta.get("reasoning") or spelled_out)
    for detail in details:
        notes.sealed += [detail[key] for key in ("signature", "data") if detail.get(key)]


def _read_chat_call(notes: Notes, slots: dict[int, Call], piece: Json) -> None:
    slot = piece.get("index") or 0
    call_id = piece.get("id") or None
    if slot not in slots or (call_id and slots[slot].id not in {None, call_id}):
        slots[slot] = Call(id=call_id)
        notes.calls.append(slots[slot])
    function = piece.get("function") or {}
    slots[slot].name = slots[slot].name or function.get("name") or ""
    slots[slot].arguments += function.get("arguments") or ""


def _chat_usage(usage: Json) -> Usage:
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    inputs = usage.get("prompt_tokens_details") or {}
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if reasoning and usage.get("total_tokens") == total(prompt, completion, reasoning):
        # xAI counts what was thought beside what was said.
        completion = total(completion, reasoning)
    cached = inputs.get("cached_tokens")
    return {
        "input_tokens": prompt,
        "cached_input_tokens": usage.get("prompt_cache_hit_tokens") if cached is None else cached,
        "cache_write_input_tokens": inputs.get("cache_write_tokens"),
        "output_tokens": completion,
        "reasoning_tokens": reasoning,
    }


def read_responses(stream: list[Json]) -> Notes:
    notes = Notes()
    for event in stream:
        # Perplexity ends with the response itself.
        response = event.get("response") or event
        notes.response_id = notes.response_id or response.get("id")
        notes.model = response.get("model") or notes.model
        if usage := response.get("usage"):
            notes.usage = _responses_usage(usage)
        match event["type"]:
            case "response.output_text.delta":
                notes.text.append(event["delta"])
            case "response.refusal.delta":
                notes.refused = True
                notes.text.append(event["delta"])
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                notes.reasoning.append(event["delta"])
            case "response.output_item.done":
                _read_item(notes, event["item"], event.get("output_index") or 0)
            case "response.completed" | "response.incomplete" | "response.failed":
                _read_end(notes, event, response)
            case "error":
                notes.error_code = code_of(event.get("error") or event)
        if notes.end or notes.error_code:
            break
    notes.calls.sort(key=lambda call: call.place)
    return notes


def _read_end(notes: Notes, event: Json, response: Json) -> None:
    if event["type"] == "response.failed":
        notes.error_code = code_of(response.get("error") or {})
    elif event["type"] == "response.incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason")
        notes.end = "filtered" if reason == "content_filter" else "length"
    else:
        notes.end = "plain"
    if response is event:
        for place, item in enumerate(event.get("output") or []):
            _read_item(notes, item, place)


def _read_item(notes: Notes, item: Json, place: int) -> None:
    match item["type"]:
        case "message":
            return
        case "reasoning":
            notes.sealed += filter(None, [item.get("encrypted_content")])
        case "function_call":
            notes.calls.append(Call(name=item["name"], arguments=item["arguments"], place=place))
        case kind:
            notes.items.append(kind)


def _responses_usage(usage: Json) -> Usage:
    inputs, outputs = usage.get("input_tokens_details") or {}, usage.get("output_tokens_details") or {}
    return {
        "input_tokens": usage.get("input_tokens"),
        "cached_input_tokens": inputs.get("cached_tokens"),
        "cache_write_input_tokens": inputs.get("cache_write_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": outputs.get("reasoning_tokens"),
    }
