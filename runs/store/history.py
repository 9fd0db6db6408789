"""Converts messages between their stored form, AG-UI's form and the form that a provider call takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal, assert_never
from uuid import UUID

from django.db.models import F

from providers import types
from providers.text import to_base64
from providers.types import Json
from runs.models import File, Message
from runs.models.run import LEFT_OUT_OF_ALL
from runs.store import embedded
from runs.store.embedded import Embedded
from runs.store.made import MadeFile

#: The text that a model reads in place of a deleted file.
DELETED = "[A file that was shown here has been deleted.]"

#: The kinds of media by the first half of a file's type; all else is a document.
_MEDIA: dict[str, Literal["image", "document", "audio", "video"]] = {
    "image": "image",
    "audio": "audio",
    "video": "video",
}

_KINDS: dict[str, type[Any]] = {
    "text": types.TextPart,
    "reasoning": types.ReasoningPart,
    "tool_call": types.ToolCallPart,
    "tool_result": types.ToolResultPart,
    "provider_item": types.ProviderItemPart,
}


def part_to_json(part: types.Part) -> Json:
    """Return ``part`` as JSON for the database: its fields, and ``kind`` for its type."""
    match part:
        case types.ProviderItemPart():
            # The part has a field named ``kind`` too, which is stored as ``item``.
            return {"kind": "provider_item", "item": part.kind, "data": part.data}
        case types.MediaPart():
            return {**asdict(part), "kind": "media", "medium": part.kind}
        case types.TextPart():
            kind = "text"
        case types.ReasoningPart():
            kind = "reasoning"
        case types.ToolCallPart():
            kind = "tool_call"
        case types.ToolResultPart():
            # ``result_with_files`` adds what the tool made.
            return {"kind": "tool_result"} | {
                name: value for name, value in asdict(part).items() if name != "media"
            }
        case _:
            assert_never(part)
    return {"kind": kind, **asdict(part)}


def with_links(value: Json, files: Sequence[tuple[Embedded, MadeFile]]) -> Json:
    """Return ``value`` with links in the place of the texts that hold ``files``."""
    replaced: Json = (
        embedded.replaced(value, {each.text: file.url for each, file in files}) if files else value
    )
    return replaced


def part_with_links(part: types.Part, files: Sequence[tuple[Embedded, MadeFile]]) -> Json:
    """Return ``part`` as JSON for the database, with links in the place of ``files`` and a list of them."""
    stored = part_to_json(part)
    if not files or not isinstance(part, types.ProviderItemPart):
        return stored
    texts = {each.text for each in embedded.find(part.kind, part.data)}
    its = [(each, file) for each, file in files if each.text in texts]
    if not its:
        return stored
    shown = [{**file.shown(), "prefix": each.prefix} for each, file in its]
    return {**with_links(stored, its), "files": shown}


def result_with_files(stored: Json, files: Mapping[str, list[Json]]) -> Json:
    """Return a stored part with the files of its call, if it is a result that has some."""
    shown = files.get(stored["call_id"]) if stored["kind"] == "tool_result" else None
    return {**stored, "files": shown} if shown else stored


def part_from_json(stored: Mapping[str, Any]) -> types.Part:
    """Return the part that ``part_to_json`` converted."""
    values = dict(stored)
    kind = values.pop("kind")
    if kind == "provider_item":
        # ``part_with_links`` adds ``files``, which is no field of the part.
        return types.ProviderItemPart(kind=values["item"], data=values["data"])
    if kind == "media":
        # ``user_parts`` adds ``file``, which is not a field of the part.
        fields = {name: values[name] for name in ("mime_type", "data", "url", "name")}
        return types.MediaPart(kind=values["medium"], **fields)
    if kind == "text":
        values["annotations"] = tuple(values.get("annotations", ()))
    part: types.Part = _KINDS[kind](**values)
    return part


def of_conversation(
    conversation_id: UUID, contents: dict[UUID, str] | None = None
) -> tuple[types.ChatMessage, ...]:
    """Return the messages of a conversation for a ``ModelRequest``; files are read into them as Base64.

    Messages of runs that are left out of all requests (``runs.store.left_out``) are not among them.

    Args:
        conversation_id: the conversation.
        contents: the Base64 of files that were read before, by id. Those that are read now are added to it.
    """
    sent = Message.objects.filter(conversation_id=conversation_id).exclude(run__left_out_of=LEFT_OUT_OF_ALL)
    rows = list(sent.annotate(refused_by=F("run__left_out_of")).order_by("position"))
    named = {UUID(name) for row in rows for part in row.parts for name in _files_of(part)}
    files = _Files(named, {} if contents is None else contents)
    return tuple(
        types.ChatMessage(
            role=types.Role(row.role),
            parts=tuple(_from_storage(part, files) for part in row.parts),
            origin=types.Origin(**row.origin) if row.origin else None,
            native=_native(row, files),
            refused_by=row.refused_by or None,
        )
        for row in rows
    )


def _files_of(stored: Json) -> Iterator[str]:
    """Yield the ids of the files in a stored part: an upload, or what a model or a tool has made."""
    if "file" in stored:
        yield stored["file"]
    yield from (file["id"] for file in stored.get("files", ()))


class _Files:
    """The files of a conversation, read when they are needed."""

    def __init__(self, ids: set[UUID], contents: dict[UUID, str]) -> None:
        self.rows = {file.id: file for file in File.objects.filter(id__in=ids)} if ids else {}
        self._contents = contents

    def base64_of(self, file: File) -> str:
        """Return a file's content, from the storage if it was not read before."""
        if (known := self._contents.get(file.id)) is not None:
            return known
        with file.content.open() as content:
            text = self._contents[file.id] = to_base64(content.read())
        return text

    def texts_of(self, stored: Json) -> dict[str, str] | None:
        """Return by its link what stood in a part for each of its files; ``None`` if one of them was deleted."""
        texts = {}
        for shown in stored.get("files", ()):
            if (file := self.rows.get(UUID(shown["id"]))) is None:
                return None
            texts[shown["url"]] = shown.get("prefix", "") + self.base64_of(file)
        return texts


def _from_storage(stored: Json, files: _Files) -> types.Part:
    if stored["kind"] == "provider_item" and "files" in stored:
        texts = files.texts_of(stored)
        if texts is None:
            return types.TextPart(text=DELETED)
        return part_from_json({**stored, "data": embedded.replaced(stored["data"], texts)})
    if stored["kind"] == "tool_result" and "files" in stored:
        return _result_from_storage(stored, files)
    if "file" not in stored:
        return part_from_json(stored)
    file = files.rows.get(UUID(stored["file"]))
    if file is None:
        return types.TextPart(text=DELETED)
    return types.MediaPart(
        kind=stored["medium"], mime_type=file.mime_type, data=files.base64_of(file), name=file.name
    )


def _result_from_storage(stored: Json, files: _Files) -> types.Part:
    """Return a tool's result with the files that it made; the text names those that were deleted."""
    values = {name: value for name, value in stored.items() if name not in {"kind", "files"}}
    media = []
    for shown in stored["files"]:
        file = files.rows.get(UUID(shown["id"]))
        if file is None:
            values["content"] += f"\n{DELETED}"
            continue
        kind = _MEDIA.get(file.mime_type.partition("/")[0], "document")
        data = files.base64_of(file)
        media.append(types.MediaPart(kind=kind, mime_type=file.mime_type, data=data, name=file.name))
    return types.ToolResultPart(**values, media=tuple(media))


def _native(row: Message, files: _Files) -> tuple[Json, ...]:
    """Return a message's own form with its files; none if one was deleted, and the parts alone go back."""
    made = [part for part in row.parts if part["kind"] == "provider_item" and "files" in part]
    texts: dict[str, str] = {}
    for part in made:
        if (its := files.texts_of(part)) is None:
            return ()
        texts |= its
    return tuple(embedded.replaced(item, texts) for item in row.native) if texts else tuple(row.native)


def files_in(messages: Iterable[Json]) -> set[UUID]:
    """Return the ids of the uploaded files in AG-UI user messages."""
    parts = (
        part for message in messages if isinstance(message["content"], list) for part in message["content"]
    )
    sources = (part["source"] for part in parts if part["type"] != "text")
    return {UUID(source["value"]) for source in sources if source["type"] == "file"}


def user_parts(message: Json, files: Mapping[UUID, File]) -> list[Json]:
    """Return the stored form of an AG-UI user message's parts.

    Args:
        message: the AG-UI message.
        files: the uploaded files that it names, by id; only ids, names and types are stored in the parts.
    """
    content = message["content"]
    if isinstance(content, str):
        return [part_to_json(types.TextPart(text=content))]
    return [_user_part(part, files) for part in content]


def _user_part(part: Json, files: Mapping[UUID, File]) -> Json:
    if part["type"] == "text":
        return part_to_json(types.TextPart(text=part["text"]))
    source = part["source"]
    if source["type"] == "file":
        file = files[UUID(source["value"])]
        media = types.MediaPart(kind=part["type"], mime_type=file.mime_type, name=file.name)
        return {**part_to_json(media), "file": str(file.id)}
    return part_to_json(
        types.MediaPart(
            kind=part["type"],
            mime_type=source.get("mimeType") or "",
            data=source["value"] if source["type"] == "data" else None,
            url=source["value"] if source["type"] == "url" else None,
        )
    )


def user_message(parts: Iterable[Json]) -> types.ChatMessage:
    """Return a user's stored parts as a message of a ``ModelRequest``, without the contents of files."""
    return types.ChatMessage(role=types.Role.USER, parts=tuple(map(part_from_json, parts)))


def answer(result: types.StepResult, origin: types.Origin) -> types.ChatMessage:
    """Return a step's result as a message of the conversation.

    Sealed artefacts are removed from the parts. They stay in ``native``, because only their own provider
    can use them and they can be large.
    """
    parts = tuple(
        replace(part, sealed=None) if isinstance(part, types.ReasoningPart) else part for part in result.parts
    )
    return types.ChatMessage(role=types.Role.ASSISTANT, parts=parts, origin=origin, native=result.native)
