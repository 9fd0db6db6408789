"""Converts messages between their stored form, AG-UI's form and the form that a provider call takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, assert_never
from uuid import UUID

from providers import types
from providers.text.cleaning import JsonText
from providers.text.file_text import prefixed
from providers.types import Json
from runs.models import File, Message
from runs.models.run import LEFT_OUT_OF_ALL
from runs.store import branches, embedded, native
from runs.store.embedded import Embedded
from runs.store.made import MadeFile, NotKept
from runs.store.media import Contents, ConversationFiles, files_of, most_bytes

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


def with_links(value: Json, files: Sequence[tuple[Embedded, MadeFile | NotKept]]) -> Json:
    """Return ``value`` with links, or notes, in the place of the texts that hold ``files``."""
    replaced: Json = (
        embedded.replaced(value, {each.text: file.in_place for each, file in files}) if files else value
    )
    return replaced


def part_with_links(part: types.Part, files: Sequence[tuple[Embedded, MadeFile | NotKept]]) -> Json:
    """Return ``part`` as JSON for the database, with links in the place of ``files`` and a list of them.

    A file that is not kept is in no list: the part has a ``note`` instead, for the model.
    """
    stored = part_to_json(part)
    if not files or not isinstance(part, types.ProviderItemPart):
        return stored
    texts = {each.text for each in embedded.find(part.kind, part.data)}
    its = [(each, file) for each, file in files if each.text in texts]
    if not its:
        return stored
    shown = [{**file.shown(), "prefix": each.prefix} for each, file in its if isinstance(file, MadeFile)]
    notes = [file.in_place for _, file in its if isinstance(file, NotKept)]
    told = {"files": shown, "note": notes[0] if notes else None}
    return {**with_links(stored, its), **{name: value for name, value in told.items() if value}}


def result_with_files(stored: Json, files: Mapping[str, list[Json]]) -> Json:
    """Return a stored part with the files of its call, if it is a result that has some."""
    shown = files.get(stored["call_id"]) if stored["kind"] == "tool_result" else None
    return {**stored, "files": shown} if shown else stored


def with_seconds(parts: list[Json], seconds: Sequence[float | None]) -> list[Json]:
    """Return stored parts, each piece of reasoning with how long it took, in seconds.

    Reasoning without words was shown to nobody and has none. If the others are not as many as the ``seconds``, it is not
    known which belongs to which, so none is added.
    """
    thoughts = [part for part in parts if part["kind"] == "reasoning" and part["text"]]
    if len(thoughts) == len(seconds):
        for part, its in zip(thoughts, seconds, strict=True):
            if its is not None:
                part["seconds"] = its
    return parts


def part_from_json(stored: Mapping[str, Any]) -> types.Part:
    """Return the part that ``part_to_json`` converted."""
    values = dict(stored)
    kind = values.pop("kind")
    if kind == "provider_item":
        # ``part_with_links`` adds ``files`` and ``note``, which are no fields of the part.
        return types.ProviderItemPart(kind=values["item"], data=values["data"])
    if kind == "media":
        # ``user_parts`` adds ``file``, which is not a field of the part.
        fields = {name: values[name] for name in ("mime_type", "data", "url", "name")}
        return types.MediaPart(kind=values["medium"], **fields)
    if kind == "reasoning":
        # ``with_seconds`` adds it, which is not a field of the part.
        values.pop("seconds", None)
    if kind == "text":
        values["annotations"] = tuple(values.get("annotations", ()))
    part: types.Part = _KINDS[kind](**values)
    return part


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredConversation:
    """The messages of a branch and the rows of their files, as the database has them."""

    #: Each message with the wire whose requests leave it out; empty for none.
    rows: tuple[tuple[Message, str], ...]
    files: Mapping[UUID, File]

    @property
    def file_bytes(self) -> int:
        """The bytes of the files that ``messages`` reads, or more."""
        return min(sum(file.size for file in self.files.values()), most_bytes())

    def messages(self, contents: Contents | None = None) -> tuple[types.ChatMessage, ...]:
        """Return the messages for a ``ModelRequest``; files are read from the storage as Base64, which blocks.

        The newest files are sent, within ``RUNNEL_MEDIA_MB`` and ``RUNNEL_MEDIA_PARTS``; of the others the
        model gets a note.

        Args:
            contents: the Base64 of files that were read before. Those that are read now are added.
        """
        files = ConversationFiles(self.files, {} if contents is None else contents)
        newest_first = [_message(row, refused_by, files) for row, refused_by in reversed(self.rows)]
        return tuple(reversed(newest_first))


def load(run_id: UUID) -> StoredConversation:
    """Return the branch that ends with a run that has not ended, from the database, without the contents of files.

    What is left out of all requests (``runs.store.left_out``) is not among its messages.
    """
    found = list(branches.messages_of(run_id))
    its_requests = zip(found, branches.left_out_of(found, run_id), strict=True)
    rows = tuple((row, wire) for row, wire in its_requests if wire != LEFT_OUT_OF_ALL)
    named = {file_id for row, _ in rows for part in row.parts for file_id in files_of(part)}
    return StoredConversation(rows=rows, files=File.objects.in_bulk(named) if named else {})


def of_branch(run_id: UUID) -> tuple[types.ChatMessage, ...]:
    """Return the messages of the branch that ends with a run for a ``ModelRequest``, with their files."""
    return load(run_id).messages()


def _message(row: Message, refused_by: str, files: ConversationFiles) -> types.ChatMessage:
    texts: dict[str, str | JsonText] = {}
    parts = [_part(part, files, texts) for part in reversed(row.parts)]
    made = [part for part in row.parts if part["kind"] == "provider_item"]
    links = {file["url"] for part in made for file in part.get("files", ())}
    # Without one of its files, a message's own form cannot be sent; its parts can.
    is_whole = texts.keys() >= links and not any("note" in part for part in made)
    own = native.whole(row.native, row.parts) if is_whole else ()
    return types.ChatMessage(
        role=types.Role(row.role),
        parts=tuple(reversed(parts)),
        origin=types.Origin(**row.origin) if row.origin else None,
        native=tuple(embedded.replaced(item, texts) for item in own) if texts else tuple(own),
        refused_by=refused_by or None,
    )


def _part(stored: Json, files: ConversationFiles, texts: dict[str, str | JsonText]) -> types.Part:
    """Return a stored part with its files. What stood in an item in place of a link is added to ``texts``."""
    if "files" in stored and stored["kind"] == "tool_result":
        return _result(stored, files)
    if "note" in stored:
        return types.TextPart(text=stored["note"])
    if "files" in stored:
        taken = files.take(files_of(stored))
        if isinstance(taken, str):
            return types.TextPart(text=taken)
        its = {
            shown["url"]: prefixed(shown.get("prefix", ""), files.base64_of(file))
            for shown, file in zip(stored["files"], taken, strict=True)
        }
        texts |= its
        return part_from_json({**stored, "data": embedded.replaced(stored["data"], its)})
    if "file" in stored:
        taken = files.take(files_of(stored))
        return (
            types.TextPart(text=taken)
            if isinstance(taken, str)
            else _media(taken[0], files, stored["medium"])
        )
    if stored["kind"] == "media":
        if (note := files.take_inline(stored)) is not None:
            return types.TextPart(text=note)
        if stored["data"]:
            return part_from_json({**stored, "data": files.kept(stored["data"])})
    return part_from_json(stored)


def _media(file: File, files: ConversationFiles, kind: Any) -> types.MediaPart:
    return types.MediaPart(kind=kind, mime_type=file.mime_type, data=files.base64_of(file), name=file.name)


def _result(stored: Json, files: ConversationFiles) -> types.ToolResultPart:
    """Return a tool's result with the files that it made; the text names those that cannot be sent."""
    values = {name: value for name, value in stored.items() if name not in {"kind", "files"}}
    media = []
    for file_id in files_of(stored):
        taken = files.take([file_id])
        if isinstance(taken, str):
            values["content"] += f"\n{taken}"
        else:
            (file,) = taken
            media.append(_media(file, files, _MEDIA.get(file.mime_type.partition("/")[0], "document")))
    return types.ToolResultPart(**values, media=tuple(media))


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


def without_files(messages: Iterable[list[Json]]) -> tuple[types.ChatMessage, ...] | None:
    """Return a user's messages by their stored parts, ``None`` if one has a file: what is in files is read later."""
    found = list(messages)
    if any(part.get("data") for parts in found for part in parts):
        # What a run keeps of files, it keeps of those that it has read.
        return None
    return tuple(map(user_message, found))


def answer(result: types.StepResult, origin: types.Origin) -> types.ChatMessage:
    """Return a step's result as a message of the conversation.

    Sealed artefacts are removed from the parts. They stay in ``native``, because only their own provider
    can use them and they can be large.
    """
    parts = tuple(
        replace(part, sealed=None) if isinstance(part, types.ReasoningPart) else part for part in result.parts
    )
    return types.ChatMessage(role=types.Role.ASSISTANT, parts=parts, origin=origin, native=result.native)
