"""What Gemini's finish reasons mean. A reason that is not named here ends an answer plainly.

Source: ``FinishReason`` of the Gemini API.
"""

from providers.errors import (
    LLMBadRequestError,
    LLMContentFilterError,
    LLMError,
    LLMMalformedResponseError,
    LLMMalformedToolCallError,
    LLMPermissionDeniedError,
)

#: The value that stands for "not set".
NONE = "FINISH_REASON_UNSPECIFIED"

#: These cut the answer wherever it was: a half call is nobody's mistake then.
CUTS = frozenset({"MAX_TOKENS", "CONTINUATION"})

#: These fail the call, with or without words before them.
ERRORS: dict[str | None, type[LLMError]] = {
    "SAFETY": LLMContentFilterError,
    "RECITATION": LLMContentFilterError,
    "LANGUAGE": LLMContentFilterError,
    "BLOCKLIST": LLMContentFilterError,
    "PROHIBITED_CONTENT": LLMContentFilterError,
    "SPII": LLMContentFilterError,
    "ESCALATION": LLMContentFilterError,
    "MODEL_ARMOR": LLMContentFilterError,
    "IMAGE_SAFETY": LLMContentFilterError,
    "IMAGE_PROHIBITED_CONTENT": LLMContentFilterError,
    "IMAGE_RECITATION": LLMContentFilterError,
    "MALFORMED_FUNCTION_CALL": LLMMalformedToolCallError,
    "UNEXPECTED_TOOL_CALL": LLMMalformedToolCallError,
    "TOO_MANY_TOOL_CALLS": LLMMalformedToolCallError,
    "MALFORMED_RESPONSE": LLMMalformedResponseError,
    "MISSING_THOUGHT_SIGNATURE": LLMBadRequestError,
    "PUP_LIMITED_DISABLED": LLMPermissionDeniedError,
}
