"""Conversations as files: Markdown to read, and JSON that can be read in again.

What comes in is foreign: it is bounded and checked, only texts are taken, and it claims no costs and no files.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from providers.text.cleaning import clean
from providers.types import Json, Role
from runs.models import Conversation, Message, Run
from runs.models.conversation import TITLE_LENGTH
from runs.models.run import LEFT_OUT_OF_ALL
from runs.states import RunStatus, StopReason

FORMAT = "runnel-conversation"
VERSION = 1
#: The most runs and messages of an imported conversation, and the characters of all their texts.
MOST_RUNS = 5_000
MOST_MESSAGES = 20_000
MOST_CHARACTERS = 20_000_000
_ENDS = {RunStatus.COMPLETED: StopReason.END_TURN, RunStatus.FAILED: StopReason.ERROR}
#: How a run may begin, beside with a message at the end.
_BEGINNINGS = {"branch", "again", "continue"}
_PEOPLE = {Role.USER.value: "You", Role.ASSISTANT.value: "Answer", Role.TOOL.value: "Results of tools"}


class NotPortable(ValueError):  # noqa: N818 - it names what happened
    """This file is no conversation of Runnel."""


def to_json(conversation: Conversation, runs: Iterable[Run]) -> Json:
    """Return a conversation as JSON; its runs oldest first, with their messages read."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "title": conversation.title,
        "shown": _named(conversation.shown_run_id),
        "created_at": conversation.created_at.isoformat(),
        "exported_at": timezone.now().isoformat(),
        "runs": [_run(run) for run in runs],
    }


def to_markdown(conversation: Conversation, runs: Iterable[Run]) -> Iterator[str]:
    """Yield the parts of a conversation's Markdown: a heading for each message, the model, how an answer ended."""
    yield f"# {_line(conversation.title) or 'Untitled'}\n"
    for run in runs:
        for message in run.messages.all():
            yield f"\n## {_PEOPLE.get(message.role, message.role)}{_by(run, message)}\n\n{_body(message.parts)}\n"
        if run.status != RunStatus.COMPLETED:
            yield f"\n*{run.status.capitalize()}{f': {_line(run.error_message)}' if run.error_message else ''}*\n"


def _run(run: Run) -> Json:
    return {
        "id": str(run.shown_id),
        "model": run.model,
        "status": run.status,
        "stop_reason": run.stop_reason,
        "left_out_of": run.left_out_of,
        "parent_id": _named(run.parent_id),
        "begins": run.begins,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost": None if run.cost is None else float(run.cost),
        "messages": [
            {
                "id": str(message.pk),
                "role": message.role,
                "created_at": message.created_at.isoformat(),
                "parts": [_portable(part) for part in message.parts],
            }
            for message in run.messages.all()
        ],
    }


def _named(key: UUID | None) -> str | None:
    return None if key is None else str(key)


def _portable(part: Json) -> Json:
    """Return a part without the bytes of files and what only its provider reads."""
    hidden = {"data", "sealed", "signature", "native"}
    return {name: value for name, value in part.items() if name not in hidden}


def _by(run: Run, message: Message) -> str:
    return f" ({_line(run.model)})" if message.role == Role.ASSISTANT.value else ""


def _body(parts: Iterable[Json]) -> str:
    return "\n\n".join(filter(None, map(_markdown, parts)))


def _markdown(part: Json) -> str:
    match part["kind"]:
        case "text":
            return str(part["text"])
        case "reasoning":
            return _quoted(part.get("text") or "")
        case "tool_call":
            return f"Calls `{part.get('name', '')}`:\n\n{_fenced(str(part.get('arguments', '')))}"
        case "tool_result":
            return _fenced(str(part.get("content", "")))
        case "media":
            return f"*File: {_line(part.get('name') or part.get('medium') or '')}*"
        case _:
            return ""


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())


def _fenced(text: str) -> str:
    """Return a text as a block of code whose fence is longer than any in it."""
    longest, current = 2, 0
    for character in text:
        current = current + 1 if character == "`" else 0
        longest = max(longest, current)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _line(text: str) -> str:
    return " ".join(text.split())


@dataclass(slots=True)
class Imported:
    """The unsaved rows of a conversation that was read from a file."""

    conversation: Conversation
    runs: list[Run] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    #: By the ids in the file: those of the rows.
    _ids: dict[str, UUID] = field(default_factory=dict)
    #: Characters that may still come.
    _left: int = MOST_CHARACTERS

    def add_run(self, item: Any, now: datetime) -> None:
        """Read a run with its messages.

        Raises:
            NotPortable: it has not the form that it has to have, or is too long.
        """
        ended = next((end for end in _ENDS if end == _field(item, "status")), RunStatus.CANCELLED)
        run = Run(
            conversation=self.conversation,
            owner_id=self.conversation.owner_id,
            model=_text(_field(item, "model"), 200),
            status=ended,
            stop_reason=_ENDS.get(ended, StopReason.CANCELLED),
            left_out_of=LEFT_OUT_OF_ALL if item.get("left_out_of") == LEFT_OUT_OF_ALL else "",
            request_digest="imported",
            started_at=now,
            finished_at=now,
        )
        before = self._parent(item)
        run.parent_id = before
        run.begins = begins if (begins := _word(item.get("begins"))) in _BEGINNINGS else ""
        self._ids[_id(item)] = run.id
        self.runs.append(run)
        for said in _list(_field(item, "messages"), MOST_MESSAGES, "messages"):
            before = self._add_message(said, run, before)

    def _add_message(self, said: Any, run: Run, before: UUID | None) -> UUID:
        if _word(_field(said, "role")) not in _PEOPLE:
            raise NotPortable("A message of this file has no role that is known here.")
        parts = [part for each in _list(_field(said, "parts"), 1_000, "parts") if (part := _part(each))]
        # Calls and their results are told as text: nothing that was asked of tools elsewhere is answered here.
        role = Role.USER if said["role"] == Role.USER.value else Role.ASSISTANT
        position = len(self.messages) + 1
        message = Message(
            conversation=self.conversation,
            run=run,
            parent_id=before,
            role=role.value,
            position=position,
            parts=parts,
        )
        self._ids[_id(said)] = message.id
        self.messages.append(message)
        self._left -= sum(len(part["text"]) for part in parts)
        if position > MOST_MESSAGES or self._left < 0:
            raise NotPortable("This conversation is too long to be imported.")
        return message.id

    def _parent(self, item: Any) -> UUID | None:
        """Return the message behind which a run begins: the one that the file names, or the last one."""
        if "parent_id" in item:
            named = item["parent_id"]
            return self._ids.get(named) if isinstance(named, str) else None
        return self.messages[-1].id if self.messages else None

    def show(self, run_id: Any) -> None:
        """Choose the branch that is shown: the one that ends with this run of the file, or with the last one."""
        known = self._ids.get(run_id) if isinstance(run_id, str) else None
        self.conversation.shown_run_id = known or (self.runs[-1].id if self.runs else None)


def read(value: Any, owner: Any) -> Imported:
    """Return the rows of a conversation in JSON, for ``owner``, with new ids.

    Raises:
        NotPortable: the JSON is no conversation of this format, or has too much in it.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT or value.get("version") != VERSION:
        raise NotPortable("This is not a conversation that Runnel has exported.")
    imported = Imported(Conversation(owner=owner, title=_text(value.get("title", ""), TITLE_LENGTH)))
    now = timezone.now()
    for item in _list(value.get("runs"), MOST_RUNS, "runs"):
        imported.add_run(item, now)
    imported.show(value.get("shown"))
    return imported


def _id(item: Any) -> str:
    named = item.get("id") if isinstance(item, dict) else None
    return named if isinstance(named, str) else ""


def _part(part: Any) -> Json:
    kind = _field(part, "kind")
    if kind == "reasoning":
        return {"kind": "reasoning", "text": _text(part.get("text", ""), MOST_CHARACTERS)}
    if kind == "text":
        return {"kind": "text", "text": _text(part.get("text", ""), MOST_CHARACTERS)}
    words = _markdown(
        {"kind": kind, **{name: _text(part[name], MOST_CHARACTERS) for name in _SHOWN if name in part}}
    )
    return {"kind": "text", "text": f"{words}\n\n"} if words else {}


#: The fields of calls, results and files that are told.
_SHOWN = ("name", "arguments", "content", "medium")


def _field(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise NotPortable(f"Something in this file has no field {name}.")
    return value[name]


def _word(value: Any) -> str:
    """Return a text; an empty one in place of anything else, which could not be looked up."""
    return value if isinstance(value, str) else ""


def _list(value: Any, most: int, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise NotPortable(f"This file has no list of {what}, or one of more than {most:,}.")
    return value


def _text(value: Any, longest: int) -> str:
    if not isinstance(value, str):
        raise NotPortable("Something in this file is not the text that it has to be.")
    return clean(value)[:longest]
