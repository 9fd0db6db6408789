"""Wrong API tokens: how many are looked up for an address, over HTTP and over sockets, and who is not locked out."""

from typing import Any

import pytest
from django.test import Client
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from runs.access import wrong_tokens
from runs.models import ApiToken
from runs.socket.consumers import RATE_LIMITED, SIGNED_OUT
from tests.runs.conftest import Person
from tests.runs.rows import make_user
from tests.runs.sockets import Socket, bearer

ADDRESS = "/api/conversations/"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
#: The close code of a socket whose host or origin is not allowed.
FOREIGN = 4403


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    settings.RUNNEL_WRONG_TOKENS_PER_MINUTE = 5


def ask(token: str, *, address: str = HERE, scheme: str = "Bearer", **extra: Any) -> Any:
    return Client(REMOTE_ADDR=address).get(ADDRESS, HTTP_AUTHORIZATION=f"{scheme} {token}", **extra)


@pytest.mark.django_db
@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_an_address_tries_so_many_wrong_tokens(scheme: str) -> None:
    statuses = [ask(f"rnl_{number}", scheme=scheme).status_code for number in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    refused = ask("rnl_9", scheme=scheme)
    assert refused.json()["code"] == "rate_limited"
    assert 1 <= int(refused["Retry-After"]) <= 12
    assert ask("rnl_9", address=ELSEWHERE).status_code == 401


@pytest.mark.django_db
def test_a_refused_token_is_not_looked_up(django_assert_num_queries: Any) -> None:
    for number in range(5):
        ask(f"rnl_{number}")
    with django_assert_num_queries(0):
        assert ask(ApiToken.issue.__name__).status_code == 429


@pytest.mark.django_db
def test_guesses_lock_out_nobody_who_was_right_before() -> None:
    (_, used), (_, new) = ApiToken.issue(make_user("ada")), ApiToken.issue(make_user("eve"))
    assert ask(used).status_code == 200
    for number in range(9):
        ask(f"rnl_{number}")
    assert ask(used).status_code == 200
    # A token that was never seen could be a guess. It works from elsewhere.
    assert ask(new).status_code == 429
    assert ask(new, address=ELSEWHERE).status_code == 200


@pytest.mark.django_db
def test_a_revoked_token_is_wrong_at_once() -> None:
    row, token = ApiToken.issue(make_user("ada"))
    assert ask(token).status_code == 200
    row.delete()
    assert ask(token).status_code == 401


@pytest.mark.django_db
def test_right_tokens_are_not_counted() -> None:
    _, token = ApiToken.issue(make_user("ada"))
    assert {ask(token).status_code for _ in range(20)} == {200}


@pytest.mark.django_db
def test_behind_a_proxy_the_last_named_address_counts(settings: Any) -> None:
    settings.RUNNEL_BEHIND_PROXY = True
    for number in range(5):
        ask("rnl_1", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}, {ELSEWHERE}")
    assert ask("rnl_1", HTTP_X_FORWARDED_FOR=f"10.0.0.9, {ELSEWHERE}").status_code == 429
    assert ask("rnl_1", HTTP_X_FORWARDED_FOR=HERE).status_code == 401


@pytest.mark.django_db
def test_processes_count_together_in_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = MovingWindowRateLimiter(MemoryStorage())
    monkeypatch.setattr(wrong_tokens, "limiter_for_threads", lambda: shared)
    _, used = ApiToken.issue(make_user("ada"))
    assert [ask(f"rnl_{number}").status_code for number in range(3)] == [401] * 3
    # Another process: it knows nothing of these.
    wrong_tokens.forget_all()
    assert [ask(f"rnl_{number}").status_code for number in range(3)] == [401] * 2 + [429]
    assert 1 <= int(ask("rnl_9")["Retry-After"]) <= 60
    assert ask("rnl_9", address=ELSEWHERE).status_code == 401
    assert ask(used, address=ELSEWHERE).status_code == 200
    wrong_tokens.note_token(HERE, used, is_right=True)
    assert ask(used).status_code == 200


@pytest.mark.django_db
def test_a_redis_that_is_away_locks_nobody_out(settings: Any) -> None:
    # Nothing listens on port 1.
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    _, token = ApiToken.issue(make_user("ada"))
    assert ask("rnl_1").status_code == 401
    assert ask(token).status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_sockets_and_requests_count_together(server: None, ada: Person) -> None:
    codes = [(await Socket(bearer(f"rnl_{number}")).open()).close_code for number in range(5)]
    assert codes == [SIGNED_OUT] * 5
    refused = await Socket(bearer("rnl_9")).open()
    await refused.closed()
    assert refused.close_code == RATE_LIMITED
    (told,) = refused.frames
    assert (told["code"], told["limit"]) == ("rate_limited", "wrong_tokens")
    assert 0 < told["retry_after"] <= 12


@pytest.mark.django_db(transaction=True)
async def test_a_token_for_a_foreign_host_is_no_wrong_token(server: None, ada: Person) -> None:
    foreign = ("host", "evil.example")
    refused = [await Socket(foreign, bearer(ada.token)).open() for _ in range(6)]
    assert [each.close_code for each in refused] == [FOREIGN] * 6
    assert (await Socket(bearer("rnl_1")).open()).close_code == SIGNED_OUT
    assert (await Socket(bearer(ada.token)).open()).close_code is None
