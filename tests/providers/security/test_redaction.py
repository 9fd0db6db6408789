import pytest

from providers.security.redaction import REDACTED, redact, redact_text, remember


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Incorrect API key provided: sk-fake-key.", f"Incorrect API key provided: {REDACTED}."),
        ("key sk-proj-abcdefghij0123456789 is bad", f"key {REDACTED} is bad"),
        ("sk-ant-api03-abcdefghij0123456789", REDACTED),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuv", REDACTED),
        ("Authorization: Bearer abcdefghijklmnop", f"Authorization: {REDACTED}"),
        ("sent Bearer abc.def-ghi_jkl~mno", f"sent Bearer {REDACTED}"),
        ("x-api-key: 12345 and more", f"x-api-key: {REDACTED} and more"),
        ("{'x-goog-api-key': 'abc', 'a': 1}", f"{{'x-goog-api-key': '{REDACTED}', 'a': 1}}"),
        ("https://host/v1/models?key=abc123&alt=sse", f"https://host/v1/models?key={REDACTED}&alt=sse"),
        ("https://host/v1?alt=sse&api_key=abc123", f"https://host/v1?alt=sse&api_key={REDACTED}"),
    ],
)
def test_it_removes_what_looks_like_a_credential(text: str, expected: str) -> None:
    assert redact_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The key to success is to ask-questions.",
        "A bearer of good news.",
        "Set OPENAI_API_KEY in .env.",
        "authorization is required",
        "risk-averse-investors-of-the-world",
        "monkey=banana",
    ],
)
def test_it_leaves_ordinary_words_alone(text: str) -> None:
    assert redact_text(text) == text


def test_it_removes_a_configured_key_wherever_it_stands() -> None:
    remember("correct-horse-battery")
    assert redact({"note": "it is correct-horse-battery!"}) == {"note": f"it is {REDACTED}!"}


def test_it_does_not_take_a_placeholder_for_a_secret() -> None:
    remember("a")
    remember("")
    assert redact_text("a cat") == "a cat"


def test_it_removes_text_under_the_usual_names() -> None:
    value = {
        "headers": {"Authorization": "Basic x", "X-Api-Key": "y", "accept": "*/*"},
        "list": [{"api_key": "z"}],
    }
    assert redact(value) == {
        "headers": {"Authorization": REDACTED, "X-Api-Key": REDACTED, "accept": "*/*"},
        "list": [{"api_key": REDACTED}],
    }


def test_a_schema_may_have_a_property_of_that_name() -> None:
    schema = {"properties": {"api_key": {"type": "string"}}, "count": 3, "ok": True, "none": None}
    assert redact(schema) == schema
