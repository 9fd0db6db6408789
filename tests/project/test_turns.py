"""A client has some requests worked on at the same time, and its flood keeps nobody else waiting."""

import asyncio
from typing import Any

import pytest

from project import turns
from project.turns import Asker, Busy, Turns, asker, take_turns


def client(address: str, name: str = "") -> Asker:
    return Asker(address, name.encode())


async def ask(at: Turns, who: Asker) -> "asyncio.Future[None]":
    waiting = asyncio.ensure_future(at.take(who))
    await asyncio.sleep(0)
    return waiting


def having(requests: list["asyncio.Future[None]"]) -> int:
    return sum(request.done() for request in requests)


async def give_back(at: Turns, who: Asker) -> None:
    at.give_back(who)
    await asyncio.sleep(0)


async def test_one_client_leaves_turns_to_others() -> None:
    at, flood, other = Turns(), client("192.0.2.1"), client("192.0.2.2")
    flooding = [await ask(at, flood) for _ in range(100)]
    assert having(flooding) == turns.OF_ONE_CLIENT
    assert (await ask(at, other)).done()
    await give_back(at, flood)
    assert having(flooding) == turns.OF_ONE_CLIENT + 1


async def test_never_are_more_worked_on_and_who_has_the_fewest_is_next() -> None:
    at = Turns()
    floods = [client("192.0.2.1", str(number)) for number in range(10)]
    flooding = [await ask(at, flood) for flood in floods for _ in range(8)]
    assert having(flooding) == turns.AT_ONCE
    other = await ask(at, client("192.0.2.2"))
    assert not other.done()
    await give_back(at, floods[0])
    assert other.done()


async def test_too_many_that_wait_are_those_of_the_address_with_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    monkeypatch.setattr(turns, "WAITING", 3)
    at, flood, other = Turns(), client("192.0.2.1"), client("192.0.2.2")
    first, *flooding = [await ask(at, flood) for _ in range(4)]
    waiting = await ask(at, other)
    await asyncio.sleep(0)
    assert first.done()
    assert isinstance(flooding[-1].exception(), Busy)
    assert not any(request.done() for request in (*flooding[:-1], waiting))


async def test_who_leaves_while_waiting_takes_no_turn() -> None:
    at, who = Turns(), client("192.0.2.1")
    requests = [await ask(at, who) for _ in range(turns.OF_ONE_CLIENT + 2)]
    requests[-2].cancel()
    await give_back(at, who)
    assert requests[-1].done()
    # Granted, and cancelled before it knew: the turn goes to the next.
    given = [await ask(at, who) for _ in range(2)]
    at.give_back(who)
    given[0].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert given[1].done()


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "client": ("192.0.2.1", 5), "headers": list(headers)}


def test_clients_are_told_apart_by_what_they_show() -> None:
    shown = [
        scope(),
        scope((b"authorization", b"Bearer a")),
        scope((b"authorization", b"Bearer b")),
        scope((b"cookie", b"sessionid=x")),
    ]
    assert len({asker(each) for each in shown}) == 4
    assert asker(scope((b"cookie", b"other=x"))) == asker(scope())


async def test_a_turn_ends_when_the_answer_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 1)
    is_read = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def slow_client(message: Any) -> None:
        await is_read.wait()

    sent: list[Any] = []

    async def quick_client(message: Any) -> None:
        sent.append(message["type"])

    served = take_turns(application)
    slow = asyncio.ensure_future(served(scope(), None, slow_client))
    await served(scope(), None, quick_client)
    assert (sent, slow.done()) == (["http.response.start"], False)
    is_read.set()
    await slow


async def test_a_request_that_fails_gives_its_turn_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 1)

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    served = take_turns(broken)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await served(scope(), None, None)


async def test_who_has_no_place_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "AT_ONCE", 0)
    monkeypatch.setattr(turns, "WAITING", 0)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    unused: Any = None
    await take_turns(unused)(scope(), None, send)
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"5"
