"""A conversation as one person has it: over a socket, and read over HTTP."""

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from concurrency.threads import readers
from providers.models import ProviderTrace
from tests.runs.conftest import Person
from tests.runs.sockets import Socket, is_terminal

type Json = dict[str, Any]

#: Seconds after which an end that is missing counts as stuck; the first run over a wire loads what its SDK needs.
STUCK = 60.0

#: A wire whose requests are easy to read.
ECHO = "emulator/echo@openai-chat"


class Talk:
    """One conversation of a person, on one socket."""

    def __init__(self, person: Person, socket: Socket) -> None:
        self.person = person
        self.socket = socket
        self.id = ""

    async def start(self, text: str | None, **fields: Any) -> str:
        """Start a run in the conversation, the first one begins it. Return the run's id."""
        said = {} if text is None else {"input": text}
        named = {"conversation_id": self.id} if self.id else {}
        answer = await self.socket.ask("start", **{"model": ECHO} | said | named | fields)
        assert answer["type"] == "ok", answer
        self.id = self.id or answer["conversation_id"]
        run_id: str = answer["run_id"]
        return run_id

    async def say(self, text: str | None, **fields: Any) -> str:
        """Start a run and wait for its end or its pause. Return the run's id."""
        run_id = await self.start(text, **fields)
        await self.socket.until(lambda: any(map(is_terminal, self.socket.events(run_id))), STUCK)
        return run_id

    async def read(self, query: str = "") -> Json:
        """Return the conversation as HTTP tells it."""
        headers = {"Authorization": f"Bearer {self.person.token}"}
        response = await AsyncClient().get(f"/api/conversations/{self.id}/{query}", headers=headers)
        # The test client leaves the connection of the view's thread open, and a database in use cannot be dropped.
        await sync_to_async(connections.close_all)()
        assert response.status_code == 200, response.content
        told: Json = response.json()
        return told

    async def messages(self, query: str = "") -> list[Json]:
        found: list[Json] = (await self.read(query))["messages"]
        return found

    async def texts(self, query: str = "") -> list[str]:
        return [message["text"] for message in await self.messages(query)]

    async def last(self, role: str) -> str:
        """Return the id of the last message of a role in the shown branch."""
        found: str = [each["id"] for each in await self.messages() if each["role"] == role][-1]
        return found


async def sent(run_id: str) -> list[tuple[str, str]]:
    """Return the messages of the last request of a run over Chat Completions: their roles and texts."""

    def read() -> Json:
        trace = ProviderTrace.objects.filter(run_id=UUID(run_id)).order_by("-started_at").first()
        assert trace is not None
        request = trace.request
        assert request is not None
        return request

    return [(each["role"], _text(each.get("content"))) for each in (await readers.run(read))["messages"]]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content or ())
