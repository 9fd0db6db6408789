"""Rights are looked at again: for every open socket and live run, also where no signal says that they have changed."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from concurrency.tasks import spawn
from concurrency.threads import readers
from runs.access import open_sockets, rights
from runs.engine import stop_signals
from runs.models import ApiToken, Run
from runs.states import RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.rows import make_user
from tests.runs.sockets import HOST, Socket, bearer

pytestmark = pytest.mark.django_db(transaction=True)

type Change = Callable[[Person, Client], Any]


def deactivate(person: Person, browser: Client) -> None:
    get_user_model().objects.filter(pk=person.user.pk).update(is_active=False)


def delete_token(person: Person, browser: Client) -> None:
    ApiToken.objects.filter(user=person.user)._raw_delete("default")


def expire_token(person: Person, browser: Client) -> None:
    ApiToken.objects.filter(user=person.user).update(expires_at=timezone.now() - timedelta(seconds=1))


def expire_session(person: Person, browser: Client) -> None:
    Session.objects.filter(pk=browser.session.session_key).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )


def delete_session(person: Person, browser: Client) -> None:
    Session.objects.filter(pk=browser.session.session_key).delete()


def set_password(person: Person, browser: Client) -> None:
    person.user.set_password("a river in another wood")
    get_user_model().objects.filter(pk=person.user.pk).update(password=person.user.password)


@pytest.fixture
def browser(ada: Person) -> Client:
    signed_in = Client()
    signed_in.force_login(ada.user)
    return signed_in


def way_in(kind: str, person: Person, browser: Client) -> list[tuple[str, str]]:
    if kind == "token":
        return [bearer(person.token)]
    return [("cookie", f"sessionid={browser.cookies['sessionid'].value}"), ("origin", f"http://{HOST}")]


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("token", deactivate, "The user was deactivated or deleted."),
        ("session", deactivate, "The user was deactivated or deleted."),
        ("token", delete_token, "The API token that started it was revoked, or has expired."),
        ("token", expire_token, "The API token that started it was revoked, or has expired."),
        ("session", expire_session, "The session that started it has expired."),
        ("session", delete_session, None),
        ("session", set_password, None),
    ],
)
async def test_what_nobody_signalled_closes_sockets_and_ends_runs(
    kind: str, change: Change, reason: str | None, ada: Person, eve: Person, browser: Client, connect: Connect
) -> None:
    socket = await Socket(*way_in(kind, ada, browser)).open()
    other = await connect(eve)
    runs = [await each.start("emulator/silent") for each in (socket, other)]
    for each, run in zip((socket, other), runs, strict=True):
        await each.saw(run["run_id"], "STEP_STARTED")
    await rights.check()
    await socket.in_step()
    await readers.run(change, ada, browser)
    await rights.check()
    await socket.closed()
    assert socket.close_code == 4401
    assert other.close_code is None

    async def status(run: Any) -> Run:
        return await readers.run(Run.objects.get, pk=run["run_id"])

    mine = await status(runs[0])
    if reason is None:
        assert (mine.status, mine.cancel_requested_at) == (RunStatus.RUNNING, None)
    else:
        assert (mine.cancelled_by, mine.cancel_reason) == ("access", reason)
    assert (await status(runs[1])).cancel_requested_at is None
    await socket.close()


async def test_the_end_of_the_run_says_who_ended_it(ada: Person, connect: Connect) -> None:
    first = await connect(ada)
    _, text = await readers.run(lambda: ApiToken.issue(ada.user))
    follower = await connect(Person(user=ada.user, token=text))
    run_id = (await first.start("emulator/silent"))["run_id"]
    await follower.ask("subscribe", run_id=run_id)
    await follower.saw(run_id, "STEP_STARTED")
    gone = ApiToken.objects.filter(digest=ApiToken.digest_of(ada.token))
    await readers.run(gone._raw_delete, "default")
    await rights.check()
    end = await follower.ended(run_id)
    assert end["outcome"] == {"type": "cancelled"}
    assert (end["metadata"]["stop_reason"], end["metadata"]["cancelled_by"]) == ("cancelled", "access")
    assert follower.close_code is None


async def test_nothing_is_kept_of_a_run_that_has_ended(ada: Person, connect: Connect) -> None:
    socket = await connect(ada)
    run_id = UUID((await socket.start("emulator/silent"))["run_id"])
    await socket.saw(str(run_id), "STEP_STARTED")
    await rights.check()
    assert run_id in rights._starters
    await socket.ask("cancel", run_id=str(run_id))
    await socket.ended(str(run_id))
    while stop_signals.get(run_id) is not None:
        await asyncio.sleep(0)
    await rights.check()
    assert run_id not in rights._starters


async def test_a_check_makes_one_query_for_each_kind_of_credentials(
    ada: Person, browser: Client, server: None
) -> None:
    def many() -> list[list[tuple[str, str]]]:
        ways = [way_in("session", ada, browser)]
        for number in range(6):
            user = make_user(f"user{number}")
            ways.append([bearer(ApiToken.issue(user)[1])])
        return ways

    sockets = [await Socket(*headers).open() for headers in await readers.run(many)]
    identities = open_sockets.identities()
    assert len(identities) == len(sockets)

    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert rights._lapsed(identities) == {}
        return len(queries)

    # Not on the readers' threads, which keep no list of queries.
    assert await sync_to_async(counted)() == 3
    for socket in sockets:
        await socket.close()


async def test_the_server_checks_by_itself(
    ada: Person, browser: Client, connect: Connect, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.RUNNEL_RIGHTS_CHECK_SECONDS < 5
    settings.RUNNEL_RIGHTS_CHECK_SECONDS = 0.01
    socket = await connect(ada)
    failures = iter([OSError("no database")])
    lapsed = rights._lapsed

    def sometimes(identities: Any) -> Any:
        for failure in failures:
            raise failure
        return lapsed(identities)

    monkeypatch.setattr(rights, "_lapsed", sometimes)
    checking = spawn(rights.keep_checking(), name="rights")
    await readers.run(deactivate, ada, browser)
    await socket.closed()
    checking.cancel()
