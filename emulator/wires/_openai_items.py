"""The output items of OpenAI's Responses and the events between an item's begin and end. Pure."""

from collections.abc import Iterator
from uuid import uuid4

from providers.types import Json


class MessageItem:
    """A message item with one part: an ``output_text`` or a ``refusal``."""

    def __init__(self, part_type: str) -> None:
        self.index = 0
        self.part_type = part_type
        self._id = f"msg_{uuid4().hex}"
        self._pieces: list[str] = []

    def opening(self) -> Iterator[Json]:
        """Yield the events that begin the item."""
        yield _added(self.index, {**self._envelope("in_progress"), "content": []})
        yield {"type": "response.content_part.added", **self._place(), "part": self._part("")}

    def delta(self, text: str) -> Json:
        """Return the event for more text."""
        self._pieces.append(text)
        event = {"type": f"response.{self.part_type}.delta", **self._place(), "delta": text}
        return event if self.part_type == "refusal" else {**event, "logprobs": []}

    def closing(self, status: str) -> Iterator[Json]:
        """Yield the events that end the item."""
        text = "".join(self._pieces)
        key = "refusal" if self.part_type == "refusal" else "text"
        done = {"type": f"response.{self.part_type}.done", **self._place(), key: text}
        yield done if self.part_type == "refusal" else {**done, "logprobs": []}
        yield {"type": "response.content_part.done", **self._place(), "part": self._part(text)}
        yield _done(self.index, self.as_json(status))

    def as_json(self, status: str) -> Json:
        """Return the whole item."""
        return {**self._envelope(status), "content": [self._part("".join(self._pieces))]}

    def _envelope(self, status: str) -> Json:
        return {"id": self._id, "type": "message", "status": status, "role": "assistant"}

    def _place(self) -> Json:
        return {"item_id": self._id, "output_index": self.index, "content_index": 0}

    def _part(self, text: str) -> Json:
        if self.part_type == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


class Reasoning:
    """A reasoning item: one summary part and, if the request asks for it, the encrypted content."""

    def __init__(self) -> None:
        self.index = 0
        self.encrypted_content: str | None = None
        self._id = f"rs_{uuid4().hex}"
        self._pieces: list[str] = []

    def opening(self) -> Iterator[Json]:
        """Yield the events that begin the item."""
        yield _added(self.index, {"id": self._id, "type": "reasoning", "summary": []})
        yield {"type": "response.reasoning_summary_part.added", **self._place(), "part": self._part("")}

    def delta(self, text: str) -> Json:
        """Return the event for more of the summary."""
        self._pieces.append(text)
        return {"type": "response.reasoning_summary_text.delta", **self._place(), "delta": text}

    def closing(self, status: str) -> Iterator[Json]:
        """Yield the events that end the item."""
        text = "".join(self._pieces)
        yield {"type": "response.reasoning_summary_text.done", **self._place(), "text": text}
        yield {"type": "response.reasoning_summary_part.done", **self._place(), "part": self._part(text)}
        yield _done(self.index, self.as_json(status))

    def as_json(self, _: str) -> Json:
        """Return the whole item; OpenAI gives it no status."""
        item: Json = {"id": self._id, "type": "reasoning", "summary": [self._part("".join(self._pieces))]}
        if self.encrypted_content is not None:
            item["encrypted_content"] = self.encrypted_content
        return item

    def _place(self) -> Json:
        return {"item_id": self._id, "output_index": self.index, "summary_index": 0}

    def _part(self, text: str) -> Json:
        return {"type": "summary_text", "text": text}


class FunctionCall:
    """A function call. Its result refers to its ``call_id``, and the events refer to its ``id``."""

    def __init__(self, name: str) -> None:
        self.index = 0
        self._name = name
        self._id = f"fc_{uuid4().hex}"
        self._call_id = f"call_{uuid4().hex[:24]}"
        self._pieces: list[str] = []

    def opening(self) -> Iterator[Json]:
        """Yield the event that begins the item."""
        yield _added(self.index, self.as_json("in_progress"))

    def delta(self, text: str) -> Json:
        """Return the event for more of the arguments."""
        self._pieces.append(text)
        return {"type": "response.function_call_arguments.delta", **self._place(), "delta": text}

    def closing(self, status: str) -> Iterator[Json]:
        """Yield the events that end the item."""
        arguments = "".join(self._pieces)
        yield {"type": "response.function_call_arguments.done", **self._place(), "arguments": arguments}
        yield _done(self.index, self.as_json(status))

    def as_json(self, status: str) -> Json:
        """Return the whole item."""
        return {
            "id": self._id,
            "type": "function_call",
            "status": status,
            "arguments": "".join(self._pieces),
            "call_id": self._call_id,
            "name": self._name,
        }

    def _place(self) -> Json:
        return {"item_id": self._id, "output_index": self.index}


type Item = MessageItem | Reasoning | FunctionCall


def _added(index: int, item: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def _done(index: int, item: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}
