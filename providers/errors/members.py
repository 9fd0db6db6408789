"""The names of the members in which providers, gateways and servers put an error: tables. Pure data."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Members that hold a further description of the error. The innermost one comes first: it is the most specific one.
CONTAINERS = _names(
    """
    raw metadata error errors err response innererror inner_error cause previous_errors fault exception body
    data base_resp header status output message msg violations detail details extensions Response Error
    """
)

#: Members with a sentence, the most specific one first.
SENTENCES = _names(
    """
    raw message msg error_message errorMessage error_msg Message errmsg status_msg faultstring error_description
    description detail error err errors title reason
    """
)
#: Members that may have a sentence if no other has one.
LAST_RESORTS = ("text", "data", "content", "info", "cause", "output")
#: Members with a code, a type or a status.
CODES = _names(
    """
    status_code raw_status_code statusCode http_status httpStatus http_code code Code status type reason
    error_type errorType error_code errorCode errcode errorcode __type name title quotaId quota_limit quota_unit
    """
)

#: Members of which one is in every error without a name. An event without one is none, which is found out fast.
SIGNS = frozenset(
    _names(
        """
        error errors err error_message errorMessage error_msg error_type error_code errorCode detail message
        Message msg errmsg fault faultstring exception base_resp response header code statusCode status_code
        title success __type status Error Response
        """
    )
)
#: Members that only an answer has, or a piece of one, or news.
OF_ANSWERS = frozenset(
    _names(
        """
        choices candidates delta content content_block output usage usageMetadata item part promptFeedback
        output_index item_id index id completion text response_id warning
        """
    )
)

#: Members with a pause: a number of seconds, or a duration such as ``48.5s``.
SECONDS = _names(
    """
    retryDelay retry_after retryAfter retry_after_seconds retryAfterSeconds resets_in_seconds reset_after
    resetAfter reset_in quotaResetDelay estimated_time wait_seconds wait_time_seconds wait_time retry_in
    retry_in_seconds cooldown cooldown_seconds
    """
)
MILLISECONDS = ("retry_after_ms", "retryAfterMs", "reset_after_ms")
#: Members with a moment: seconds or milliseconds since 1970, or ISO 8601 with a zone.
MOMENTS = ("resets_at", "reset_at", "resetAt", "reset_time", "resetTime", "quotaResetTimeStamp")
