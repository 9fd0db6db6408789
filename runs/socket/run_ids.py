"""Translates ids of runs between a client and the rows, where two users have chosen the same id."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from concurrency.threads import readers
from runs.errors import NotFound
from runs.services import Onlooker, own_ids


class RunIds:
    """The ids of the runs on one user's socket. Almost always the client's id is the row's."""

    def __init__(self, onlooker: Onlooker) -> None:
        self._onlooker = onlooker
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

    def note(self, *, chosen: UUID, stored: UUID) -> None:
        """Show the run that is stored under one id as another one from now on, unless they are the same."""
        if chosen != stored:
            self._substitutes[chosen] = stored

    async def learn(self, run_id: UUID) -> None:
        """Find out under which id the client knows a run that it did not name. Call it before the run is shown."""
        if own_ids.may_be_substitute(run_id) and run_id not in self._substitutes.values():
            self.note(chosen=await readers.run(own_ids.chosen, run_id), stored=run_id)

    async def found[T](self, run_id: UUID, act: Callable[[UUID], Awaitable[T]]) -> T:
        """Return ``await act(run_id)``; if the user may see no such run, try the substitute.

        Raises:
            NotFound: the user may see no run with this id, whether or not another user has one.
            Exception: whatever else ``act`` raises.
        """
        if (stored := self.stored(run_id)) != run_id:
            return await act(stored)
        try:
            return await act(run_id)
        except NotFound:
            pass
        if (substitute := await readers.run(own_ids.stored, self._onlooker, run_id)) is None:
            raise NotFound
        self.note(chosen=run_id, stored=substitute)
        return await act(substitute)
