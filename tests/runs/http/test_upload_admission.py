"""What is known of an upload's sender before a byte of its body is read."""

from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client

from concurrency.threads import readers
from runs.access import authentication
from runs.http import upload_admission
from runs.http.upload_admission import Refusal, Upload
from runs.models import ApiToken
from runs.models.token import Scope
from tests.runs.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"


async def admitted(
    token: str, *, upload: Upload = Upload.FILE, peer: str = HERE, size: int | None = 1_000, **more: str
) -> int | Refusal:
    return await upload_admission.admit(upload, {"authorization": f"Bearer {token}", **more}, size, peer)


async def status(token: str, **how: Any) -> int:
    found = await admitted(token, **how)
    return found.status if isinstance(found, Refusal) else HTTPStatus.OK


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    settings.RUNNEL_WRONG_TOKENS_PER_MINUTE = 5


async def test_wrong_tokens_are_throttled_and_counted_with_those_of_other_requests(ada: Person) -> None:
    assert [await status(f"rnl_{number}") for number in range(3)] == [HTTPStatus.UNAUTHORIZED] * 3
    for number in range(2):
        await readers.run(
            Client(REMOTE_ADDR=HERE).get, "/api/conversations/", HTTP_AUTHORIZATION=f"Bearer rnl_x{number}"
        )
    refused = await admitted("rnl_9")
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.code) == (HTTPStatus.TOO_MANY_REQUESTS, "rate_limited")
    assert 0 < (refused.retry_after or 0) <= 12
    assert await status("rnl_9", peer=ELSEWHERE) == HTTPStatus.UNAUTHORIZED
    # Who was never right here may be guessing.
    assert await status(ada.token) == HTTPStatus.TOO_MANY_REQUESTS
    assert await status(ada.token, peer=ELSEWHERE) == HTTPStatus.OK
    assert await status(ada.token) == HTTPStatus.OK


async def test_a_throttled_token_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await status(f"rnl_{number}")
    monkeypatch.setattr(authentication, "bearer_user", None)
    assert await status("rnl_9") == HTTPStatus.TOO_MANY_REQUESTS


async def test_behind_a_proxy_the_last_named_address_counts(settings: Any) -> None:
    settings.RUNNEL_BEHIND_PROXY = True
    for number in range(5):
        await status(f"rnl_{number}", **{"x-forwarded-for": f"10.0.0.{number}, {ELSEWHERE}"})
    assert await status("rnl_9", **{"x-forwarded-for": ELSEWHERE}) == HTTPStatus.TOO_MANY_REQUESTS
    assert await status("rnl_9") == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({Scope.READ}, HTTPStatus.FORBIDDEN),
        ({Scope.APPROVE}, HTTPStatus.FORBIDDEN),
        ({Scope.RUN}, HTTPStatus.OK),
        ({Scope.ADMIN}, HTTPStatus.OK),
    ],
)
async def test_a_token_uploads_only_with_the_scope_that_the_upload_needs(
    ada: Person, given: set[Scope], expected: HTTPStatus
) -> None:
    _, token = await readers.run(ApiToken.issue, ada.user, scopes=given)
    assert await status(token, size=2**20) == expected
    # It is a right token all the same.
    assert {await status(token) for _ in range(8)} == {expected}


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (b"POST", b"/api/files/", Upload.FILE),
        (b"POST", b"/api/%66iles?name=a", Upload.FILE),
        (b"POST", b"/api/conversations/import/", Upload.CONVERSATION),
        (b"PUT", b"/api/conversations/import", None),
        (b"POST", b"/api/conversations/", None),
    ],
)
def test_two_addresses_take_more_than_others(method: bytes, target: bytes, expected: Upload | None) -> None:
    assert upload_admission.upload_of(method, target) is expected


async def test_a_conversation_may_be_as_large_as_its_setting_says(ada: Person, settings: Any) -> None:
    settings.RUNNEL_IMPORT_MB = 3
    assert await admitted(ada.token, upload=Upload.CONVERSATION) == 3 * 1024 * 1024
    stranger = await admitted("rnl_wrong", upload=Upload.CONVERSATION)
    assert isinstance(stranger, Refusal)
    assert stranger.status == HTTPStatus.UNAUTHORIZED
