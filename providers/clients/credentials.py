"""Recognises the exceptions of a cloud's chain of credentials that found none. Imports no SDK."""

from providers.errors import LLMAuthenticationError, LLMConnectionError, LLMError
from providers.security.redaction import redact_text
from providers.text.cleaning import clean

_AMAZON = (
    "Amazon's credentials were not found, or did not do. Ask your administrator to set AWS_BEARER_TOKEN_BEDROCK, "
    "or what the AWS command line takes: keys, a profile or a role."
)
_GOOGLE = (
    "Google's application default credentials were not found, or did not do. Ask your administrator to set "
    "GOOGLE_APPLICATION_CREDENTIALS, or to run: gcloud auth application-default login."
)

#: The server that gives out credentials could not be asked.
_UNREACHABLE = frozenset(
    {"TransportError", "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError"}
)


def explain(exc: Exception) -> LLMError | None:
    """Return the error for ``exc`` if a chain of credentials raised it, else ``None``."""
    library = type(exc).__module__.partition(".")[0]
    # Anthropic's SDK has no class of its own for it, google-genai neither.
    is_plain = type(exc) in {RuntimeError, ValueError} and "credentials" in str(exc)
    if library == "botocore" or (is_plain and "AWS" in str(exc)):
        sentence = _AMAZON
    elif type(exc).__module__.startswith("google.auth") or is_plain:
        sentence = _GOOGLE
    else:
        return None
    detail = {"message": redact_text(clean(f"{type(exc).__name__}: {exc}"))}
    if type(exc).__name__ in _UNREACHABLE:
        return LLMConnectionError(detail=detail)
    return LLMAuthenticationError(sentence, detail=detail)
