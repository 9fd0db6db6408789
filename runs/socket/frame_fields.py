"""The fields that several frames of a client have, and what a user says. Pure."""

import base64
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# ``uuid.UUID`` accepts too much: underscores, spaces, digits of other scripts, hyphens anywhere.
_UUID = re.compile(r"[0-9a-f]{8}(-?)(?:[0-9a-f]{4}\1){3}[0-9a-f]{12}", re.IGNORECASE)


def _check_uuid(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise ValueError("must be a UUID")
    return text


def _check_base64(text: str) -> str:
    try:
        is_empty = not base64.b64decode(text, validate=True)
    except ValueError:
        is_empty = True
    if is_empty:
        raise ValueError("must be a file in base64")
    return text


Id = Annotated[str, Field(min_length=1, max_length=200)]
Uuid = Annotated[str, AfterValidator(_check_uuid)]
ModelName = Annotated[str, Field(min_length=1, max_length=200)]
#: The names that all providers accept.
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seq = Annotated[int, Field(ge=0, le=2**31 - 1)]


class TextContent(Strict):
    """A piece of text."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1)]
    id: str | None = None
    metadata: Any = None


MimeType = Annotated[str, Field(pattern=r"^[a-z]+/[A-Za-z0-9.+-]{1,80}$")]


class DataSource(Strict):
    """A file inside the frame."""

    type: Literal["data"]
    #: The content in base64.
    value: Annotated[str, AfterValidator(_check_base64)]
    mimeType: MimeType  # noqa: N815 - AG-UI's name


class UrlSource(Strict):
    """The address of a file. The provider fetches it; Runnel never does."""

    type: Literal["url"]
    value: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=4_000)]
    mimeType: MimeType | None = None  # noqa: N815 - AG-UI's name


class FileSource(Strict):
    """The id of a file that the user has uploaded."""

    type: Literal["file"]
    value: Uuid
    mimeType: MimeType | None = None  # noqa: N815 - AG-UI's name


class MediaContent(Strict):
    """A file for the model."""

    type: Literal["image", "audio", "video", "document"]
    source: Annotated[DataSource | UrlSource | FileSource, Field(discriminator="type")]
    id: str | None = None
    metadata: Any = None


class UserMessage(Strict):
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
    #: Fields of AG-UI that Runnel accepts and does not use.
    metadata: Any = None
    encryptedValue: str | None = None  # noqa: N815 - AG-UI's name
    subagentRunId: str | None = None  # noqa: N815 - AG-UI's name


#: What a user says: text, or messages.
UserInput = Annotated[str, Field(min_length=1)] | Annotated[list[UserMessage], Field(max_length=100)]
