"""Client frames in, server frames out: the WebSocket protocol's shapes. Pure.

See docs/protocol.md. Parsing refuses with ``BadFrame`` whatever is not exactly a frame: unknown
fields, wrong types, text that no database takes.
"""

import base64
import json
import re
from collections import Counter
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from providers.text import clean

#: Bytes of a client frame.
FRAME_BYTES = 64 * 1024
#: Levels of brackets in a client frame.
MAX_DEPTH = 64
#: Tools that a run may offer to its model, of each kind.
MAX_TOOLS = 128
PROTOCOL = "runnel/1"
AGUI = "1.0"


class BadFrame(Exception):  # noqa: N818 - the protocol's name for it
    """The frame is not understood."""

    def __init__(self, code: str, message: str, frame_id: str | None = None) -> None:
        """Take the error code, the sentence, and the frame's id where it could be read."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.frame_id = frame_id


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# ``uuid.UUID`` takes much more: underscores, spaces, other scripts' digits, hyphens anywhere.
_UUID = re.compile(r"[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}", re.IGNORECASE)


def _uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID")
    return text


def _base64(text: str) -> str:
    try:
        is_empty = not base64.b64decode(text, validate=True)
    except ValueError:
        is_empty = True
    if is_empty:
        raise ValueError("must be a file in base64")
    return text


Id = Annotated[str, Field(min_length=1, max_length=200)]
Uuid = Annotated[str, AfterValidator(_uuid)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
#: What all providers take.
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seq = Annotated[int, Field(ge=0, le=2**31 - 1)]


class TextContent(_Strict):
    """Words."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]
    id: str | None = None
    metadata: Any = None


MimeType = Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,80}$")]


class DataSource(_Strict):
    """The file itself."""

    type: Literal["data"]
    #: In base64.
    value: Annotated[str, AfterValidator(_base64)]
    mimeType: MimeType  # noqa: N815 - AG-UI's name


class UrlSource(_Strict):
    """Where the provider itself finds the file; we never fetch it."""

    type: Literal["url"]
    value: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=4_000)]
    mimeType: MimeType | None = None  # noqa: N815 - AG-UI's name


class FileSource(_Strict):
    """A file that was handed in before."""

    type: Literal["file"]
    value: Uuid
    mimeType: MimeType | None = None  # noqa: N815 - AG-UI's name


class MediaContent(_Strict):
    """A file that the model is shown."""

    type: Literal["image", "audio", "video", "document"]
    source: Annotated[DataSource | UrlSource | FileSource, Field(discriminator="type")]
    id: str | None = None
    metadata: Any = None


class UserMessage(_Strict):
    """An AG-UI user message."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    role: Literal["user"]
    content: (
        Annotated[str, Field(min_length=1)]
        | Annotated[
            list[Annotated[TextContent | MediaContent, Field(discriminator="type")]], Field(min_length=1)
        ]
    )
    name: str | None = None
    #: What AG-UI has beside, for others than us.
    metadata: Any = None
    encryptedValue: str | None = None  # noqa: N815 - AG-UI's name
    subagentRunId: str | None = None  # noqa: N815 - AG-UI's name


class Options(_Strict):
    """What a caller may tune."""

    max_steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    reasoning_effort: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    reasoning_budget: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    stop_sequences: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=16)] | None
    ) = None
    tool_choice: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    output_schema: dict[str, Any] | None = None
    cache: Literal["short", "long"] | None = None
    provider_options: dict[str, Any] | None = None
    max_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    fallback_models: Annotated[list[ModelName], Field(max_length=5)] | None = None
    tools: Annotated[list[ToolName], Field(max_length=MAX_TOOLS)] | None = None
    cancel_pending: bool | None = None


class Budget(_Strict):
    """What a run may cost."""

    cost: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    tokens: Annotated[int, Field(ge=1)] | None = None


class ClientTool(_Strict):
    """An AG-UI tool: a function that the client executes."""

    name: ToolName
    description: Annotated[str, Field(max_length=16_000)] = ""
    #: A JSON Schema, an object's.
    parameters: dict[str, Any] | None = None
    metadata: Any = None


class Start(_Strict):
    """Create a run and subscribe to it."""

    type: Literal["start"]
    id: Id
    run_id: Uuid | None = None
    conversation_id: Uuid | None = None
    model: ModelName
    input: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[UserMessage], Field(min_length=1, max_length=100)]
    )
    system: str | None = None
    tools: Annotated[list[ClientTool], Field(max_length=MAX_TOOLS)] | None = None
    options: Options | None = None
    budget: Budget | None = None


class _OneTarget(_Strict):
    run_id: Uuid | None = None
    conversation_id: Uuid | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "_OneTarget":
        if (self.run_id is None) == (self.conversation_id is None):
            raise ValueError("give either run_id or conversation_id")
        return self


class Subscribe(_OneTarget):
    """Replay and follow a run, or follow a conversation."""

    type: Literal["subscribe"]
    id: Id
    after: Seq | None = None

    @model_validator(mode="after")
    def _has_a_cursor_of_a_run(self) -> "Subscribe":
        if self.after is not None and self.run_id is None:
            raise ValueError("a conversation has no cursor: give after only with run_id")
        return self


class Unsubscribe(_OneTarget):
    """Follow no more."""

    type: Literal["unsubscribe"]
    id: Id


class Cancel(_Strict):
    """Stop a run."""

    type: Literal["cancel"]
    id: Id
    run_id: Uuid
    mode: Literal["immediate", "after_step"] = "immediate"
    reason: Annotated[str, Field(max_length=500)] = ""


class ResumeEntry(_Strict):
    """A decision about one interrupt."""

    interruptId: Id  # noqa: N815 - AG-UI's name
    status: Literal["resolved", "cancelled"]
    payload: Any = None
    metadata: dict[str, Any] | None = None


class Resolve(_Strict):
    """Decide what a run waits for."""

    type: Literal["resolve"]
    id: Id
    run_id: Uuid
    resume: Annotated[list[ResumeEntry], Field(max_length=MAX_TOOLS * 8)]


class Ack(_Strict):
    """Say how far this viewer has got."""

    type: Literal["ack"]
    run_id: Uuid
    seq: Seq


class Ping(_Strict):
    """Ask for a pong."""

    type: Literal["ping"]
    id: Id | None = None


type ClientFrame = Start | Subscribe | Unsubscribe | Cancel | Resolve | Ack | Ping

_TYPES = frozenset({"start", "subscribe", "unsubscribe", "cancel", "resolve", "ack", "ping"})
_PARSER: TypeAdapter[ClientFrame] = TypeAdapter(
    Annotated[Start | Subscribe | Unsubscribe | Cancel | Resolve | Ack | Ping, Field(discriminator="type")]
)


def parse(text: str) -> ClientFrame:
    """Return the frame that ``text`` is, or raise ``BadFrame``."""
    raw = text.encode(errors="surrogatepass")
    if len(raw) > FRAME_BYTES:
        raise BadFrame("bad_frame", f"A frame may have {FRAME_BYTES} bytes.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        message = f"The frame is not valid JSON: {error}."
        raise BadFrame("bad_frame", message, _id_despite_all(text)) from None
    if not isinstance(value, dict):
        raise BadFrame("bad_frame", "A frame is a JSON object.")
    frame_id = _id_of(value)
    if not _is_clean(value):
        message = f"A frame may not hold the character NUL, nor more than {MAX_DEPTH} levels of nesting."
        raise BadFrame("bad_frame", message, frame_id)
    if doubled := _named_twice(text):
        message = "A frame may not name a field twice."
        raise BadFrame("bad_frame", message, None if "id" in doubled else frame_id)
    kind = value.get("type")
    if not isinstance(kind, str):
        raise BadFrame("bad_frame", "The frame has no type.", frame_id)
    if kind not in _TYPES:
        raise BadFrame("unknown_type", f"There is no frame of the type {kind[:40]!r}.", frame_id)
    try:
        return _PARSER.validate_python(value)
    except ValidationError as error:
        raise BadFrame("bad_frame", _sentence(error), frame_id) from None


def _id_of(value: dict[str, Any]) -> str | None:
    frame_id = value.get("id")
    is_usable = isinstance(frame_id, str) and 0 < len(frame_id) <= 200 and clean(frame_id) == frame_id
    return frame_id if is_usable else None


def _id_despite_all(text: str) -> str | None:
    """Return the id of what only Python takes for JSON: half a character spoils no more than itself."""
    try:
        # Of numbers only that they are none matters: Python refuses to read very long ones.
        value = json.loads(text, parse_int=bool, parse_float=bool)
    except (ValueError, RecursionError):
        return None
    return _id_of(value) if isinstance(value, dict) else None


def _is_clean(value: Any, depth: int = 1) -> bool:
    """Tell whether no string holds NUL and nothing is nested too deeply."""
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, dict):
        return depth <= MAX_DEPTH and all(
            "\0" not in key and _is_clean(item, depth + 1) for key, item in value.items()
        )
    if isinstance(value, list):
        return depth <= MAX_DEPTH and all(_is_clean(item, depth + 1) for item in value)
    return True


def _named_twice(text: str) -> set[str]:
    """Return the fields that an object of clean JSON has twice; orjson silently drops the first."""
    doubled: set[str] = set()

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            doubled.update(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        return found

    # Numbers stay text: Python refuses to read very long ones.
    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)
    return doubled


def _sentence(error: ValidationError) -> str:
    """Return what is wrong, and where, without repeating what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    for kind, word in (("missing", "Missing"), ("extra_forbidden", "Not a field that is known here")):
        if named := [_where(item["loc"]) for item in found if item["type"] == kind]:
            return f"{word}: {', '.join(named)}."
    # Of a field that may have several forms, the form that went furthest is what was meant.
    furthest = max(found, key=lambda item: len(item["loc"]))
    what = furthest["msg"].removeprefix("Value error, ")
    return f"{_where(furthest['loc'])}: {what}."


def _where(location: tuple[int | str, ...]) -> str:
    """Return the path to a field as its sender wrote it, without the names of our own types."""
    steps = [str(step) for step in location[1:] if isinstance(step, int) or step.isidentifier()]
    return ".".join(steps) or "The frame"


def dump(frame: dict[str, Any]) -> str:
    """Return the text of a server frame."""
    return orjson.dumps(frame).decode()


def ok(frame_id: str, **values: Any) -> str:
    """Return the answer to a command that was carried out."""
    return dump({"type": "ok", "id": frame_id, **{key: _plain(value) for key, value in values.items()}})


def error(code: str, message: str, *, frame_id: str | None = None, retryable: bool = False) -> str:
    """Return the answer to a command that was not carried out."""
    named = {} if frame_id is None else {"id": frame_id}
    return dump({"type": "error", **named, "code": code, "message": message, "retryable": retryable})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
