"""All parts in one process: sockets, runs, the real SDKs and the emulator, on the test's own event loop."""

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
from runs.models import Message, Run, Step
from tests.faults.client import STUCK, TASK_NAME, Client
from tests.runs.rows import stored_frames

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")

#: Seconds within which everything must be cleaned up; generous for a shared machine.
PROMPTLY = 2.0

#: Names of tasks that run as long as the server or a socket.
_STAYING = frozenset({"compaction", "journal", "outages", "tidying", TASK_NAME})
#: Prefix of the names of tasks of which each socket has one.
_OF_SOCKETS = "socket "
#: Parts of the coroutines of unnamed tasks that stay: the emulator serves connections that wait in the pool
#: for the next request, and Channels waits for a socket's next frame.
_WAITING = ("Emulator.", "Queue.get")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The stored rows of one run."""

    run: Run
    steps: list[Step]
    traces: list[ProviderTrace]
    #: The model's messages in the conversation.
    answers: list[Message]
    #: The event log.
    frames: list[str]


def _load(run_id: UUID) -> Stored:
    return Stored(
        run=Run.objects.select_related("log").get(pk=run_id),
        steps=list(Step.objects.filter(run_id=run_id)),
        traces=list(ProviderTrace.objects.filter(run_id=run_id)),
        answers=list(Message.objects.filter(run_id=run_id, role="assistant")),
        frames=stored_frames(run_id),
    )


@dataclass(kw_only=True)
class Line:
    """The test's access to all parts."""

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
        """Return the stored rows of a run."""
        return await readers.run(_load, run_id)

    async def cancel_by_post(self, run_id: UUID) -> str:
        """Cancel over HTTP; the view runs on another thread than the event loop."""
        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {self.token}".encode())]
        post = HttpCommunicator(application, "POST", f"/api/runs/{run_id}/cancel/", headers=headers)
        response = await post.get_response(timeout=STUCK)
        # Django closes the thread's database connection after the last byte.
        await post.wait(timeout=PROMPTLY)
        assert response["status"] == 200, response
        return str(json.loads(response["body"])["state"])

    async def cancel_as_admin(self, run_id: UUID) -> str:
        """Cancel as the admin's action does, from another thread."""
        return await readers.run(services.cancel_from_thread, None, run_id, reason="tidying up")

    async def upstream(self, model: str, *, status: int | None = None) -> EmulatedExchange:
        """Wait for the emulator's exchange with ``model``, and for its ``status`` if given; return it."""
        return await self.emulator.wait_for(
            lambda exchange: exchange.model == model and (status is None or exchange.status == status)
        )

    async def assert_nothing_left(self) -> None:
        """Assert that no run is live, no task is left, and no connection is in use."""
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
        """Close the sockets, then the server's parts. Runs that a failed test left are cancelled."""
        for client in self._clients:
            await client.close()
        await supervisor.current().drain()
        await clients.close_all()


def is_gone(exchange: EmulatedExchange) -> bool:
    return exchange.outcome is ExchangeOutcome.PEER_GONE


def _tasks() -> list[str]:
    """Return the names of tasks that are left on the event loop."""
    return [
        task.get_name()
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
        and task.get_name() not in _STAYING
        and not task.get_name().startswith(_OF_SOCKETS)
        and not getattr(task.get_coro(), "__qualname__", "").startswith(_WAITING)
    ]


def _busy_connections() -> list[Any]:
    """Return the pool's connections that are neither closed nor idle."""
    transports: list[Any] = [clients.http._transport for _, clients in pool.of_this_loop.running()]
    connections = [each for transport in transports for each in transport._pool.connections]
    return [each for each in connections if not (each.is_idle() or each.is_closed())]
