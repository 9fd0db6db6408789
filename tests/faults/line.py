"""The whole line in one process: sockets, runs, the real SDKs and the emulator, on the test's own loop."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from channels.testing import HttpCommunicator

from concurrency.threads import readers
from emulator import Emulator, ExchangeOutcome
from emulator.exchanges import EmulatedExchange
from project.asgi import application
from providers import clients
from providers.clients import pool
from providers.models import ProviderTrace
from runs import services
from runs.engine import stop_signals, supervisor
from runs.models import Message, Run, RunEvent, Step
from tests.faults.client import STUCK, TASK_NAME, Client

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")

#: Seconds in which everything must have been cleaned up; generous for a shared machine.
PROMPTLY = 2.0

#: Names of tasks that live as long as the server does, or as long as a socket.
_STAYING = frozenset({"heartbeat", "journal", TASK_NAME})
#: How the names of those begin of which there is one for each socket.
_OF_SOCKETS = "socket "
#: What such tasks run where nobody named them: the emulator serves connections that wait in the pool
#: for the next request, Channels waits for a socket's next frame.
_WAITING = ("Emulator.", "Queue.get")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """All that the database holds of one run."""

    run: Run
    steps: list[Step]
    traces: list[ProviderTrace]
    #: What the model said, as the conversation keeps it.
    answers: list[Message]
    #: The event log.
    frames: list[str]


def _load(run_id: UUID) -> Stored:
    rows = RunEvent.objects.filter(run_id=run_id).order_by("first_seq")
    return Stored(
        run=Run.objects.get(pk=run_id),
        steps=list(Step.objects.filter(run_id=run_id)),
        traces=list(ProviderTrace.objects.filter(run_id=run_id)),
        answers=list(Message.objects.filter(run_id=run_id, role="assistant")),
        frames=[frame for row in rows for frame in row.frames.split("\n")],
    )


@dataclass(kw_only=True)
class Line:
    """What a test holds in its hands."""

    user: Any
    token: str
    emulator: Emulator
    _clients: list[Client] = field(default_factory=list)

    async def client(self) -> Client:
        """Return a new open socket of the user."""
        client = Client(self.token)
        self._clients.append(client)
        await client.open()
        return client

    async def stored(self, run_id: UUID) -> Stored:
        """Return what is stored of a run."""
        return await readers.run(_load, run_id)

    async def cancel_by_post(self, run_id: UUID) -> str:
        """Cancel over HTTP; the view runs on a thread that is not the loop's."""
        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {self.token}".encode())]
        post = HttpCommunicator(application, "POST", f"/api/runs/{run_id}/cancel/", headers=headers)
        response = await post.get_response(timeout=STUCK)
        # The thread's connection is closed after the last byte.
        await post.wait(timeout=PROMPTLY)
        assert response["status"] == 200, response
        return str(json.loads(response["body"])["state"])

    async def cancel_as_admin(self, run_id: UUID) -> str:
        """Cancel as the admin's action does: from a thread of its own."""
        return await readers.run(services.cancel_from_thread, None, run_id, reason="tidying up")

    async def upstream(self, model: str, *, status: int | None = None) -> EmulatedExchange:
        """Return the upstream's side of the call of ``model``, once it is there (with this status)."""
        return await self.emulator.wait_for(
            lambda exchange: exchange.model == model and (status is None or exchange.status == status)
        )

    async def assert_nothing_left(self) -> None:
        """No run is live, nothing works or waits for one, and no connection is held."""
        try:
            async with asyncio.timeout(PROMPTLY):
                while self._left():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"left behind: {self._left()}") from None
        assert await readers.run(Run.objects.filter(finished_at=None).count) == 0

    def _left(self) -> list[str]:
        left = [f"registered: {item.run_id}" for item in stop_signals.live()]
        left += [f"upstream: {exchange.model}" for exchange in self.emulator.active]
        left += [f"task: {name}" for name in _tasks()]
        left += [f"connection: {connection!r}" for connection in _busy_connections()]
        if watched := len(supervisor.current().feed):
            left.append(f"feed: {watched} runs")
        return left

    async def close(self) -> None:
        """Close the sockets, then the server's part; runs that a failed test left are cancelled."""
        for client in self._clients:
            await client.close()
        await supervisor.current().drain()
        await clients.close_all()


def is_gone(exchange: EmulatedExchange) -> bool:
    return exchange.outcome is ExchangeOutcome.PEER_GONE


def _tasks() -> list[str]:
    """Return the names of tasks that somebody has left on the loop."""
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
        and task.get_name() not in _STAYING
        and not task.get_name().startswith(_OF_SOCKETS)
        and not getattr(task.get_coro(), "__qualname__", "").startswith(_WAITING)
    ]


def _busy_connections() -> list[Any]:
    """Return the pool's connections that are neither closed nor free for the next call."""
    here = pool.of_this_loop.peek()
    if here is None:
        return []
    transport: Any = here.http._transport
    return [each for each in transport._pool.connections if not (each.is_idle() or each.is_closed())]
