"""Translates ids of runs between a client and the rows, where two users have chosen the same id."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from concurrency.threads import readers
from runs.errors import Conflict, NotFound
from runs.services import own_ids


class RunIds:
    """The ids of one user's runs on one socket. Almost always the client's id is the row's."""

    def __init__(self, user_id: int) -> None:
        self._user_id = user_id
        #: The substitutes that this socket has met, by the id that the client chose.
        self._substitutes: dict[UUID, UUID] = {}

    def stored(self, run_id: UUID) -> UUID:
        """Return the row's id, as far as this socket knows it."""
        return self._substitutes.get(run_id, run_id)

    def shown(self, text: str) -> str:
        """Return a frame's text with the ids that the client chose."""
        for chosen, stored in self._substitutes.items():
            text = text.replace(str(stored), str(chosen))
        return text

    async def started[T](self, run_id: UUID, start: Callable[[UUID], Awaitable[T]]) -> T:
        """Return ``await start(run_id)``; the id is a substitute if another user has a run with it.

        Raises:
            Exception: whatever ``start`` raises.
        """
        try:
            return await start(self.stored(run_id))
        except Conflict:
            if not await readers.run(own_ids.is_taken_by_another, self._user_id, run_id):
                raise
        return await self._with_substitute(run_id, start)

    async def found[T](self, run_id: UUID, act: Callable[[UUID], Awaitable[T]]) -> T:
        """Return ``await act(run_id)``; if the user has no such run, try the substitute.

        Raises:
            NotFound: the user has no run with this id, whether or not another user has one.
            Exception: whatever else ``act`` raises.
        """
        if (stored := self.stored(run_id)) != run_id:
            return await act(stored)
        try:
            return await act(run_id)
        except NotFound:
            return await self._with_substitute(run_id, act)

    async def _with_substitute[T](self, run_id: UUID, act: Callable[[UUID], Awaitable[T]]) -> T:
        """Return ``await act(...)`` for the substitute, which is shown as ``run_id`` from then on."""
        substitute = own_ids.substitute(self._user_id, run_id)
        self._substitutes[run_id] = substitute
        try:
            return await act(substitute)
        except BaseException:
            self._substitutes.pop(run_id, None)
            raise
