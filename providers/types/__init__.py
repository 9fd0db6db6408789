"""The data that goes into a provider call and comes out of it, in no provider's own format.

Frozen data only: nothing here knows a wire, an SDK, the database or a run.
"""

from providers.types.messages import (
    ChatMessage,
    Json,
    MediaPart,
    Origin,
    Part,
    ProviderItemPart,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from providers.types.request import (
    ModelOptions,
    ModelRequest,
    ToolSpec,
)
from providers.types.result import (
    FinishReason,
    StepResult,
)

__all__ = [
    "ChatMessage",
    "FinishReason",
    "Json",
    "MediaPart",
    "ModelOptions",
    "ModelRequest",
    "Origin",
    "Part",
    "ProviderItemPart",
    "ReasoningPart",
    "Role",
    "StepResult",
    "TextPart",
    "ToolCallPart",
    "ToolResultPart",
    "ToolSpec",
]
