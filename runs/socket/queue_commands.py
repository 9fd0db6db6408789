"""Executes the commands about queues: each calls one service and answers with what it returns."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, assert_never
from uuid import UUID

from uuid6 import uuid7

from runs import services
from runs.services.new_run import Started
from runs.socket.client_frames import QueueFrame
from runs.socket.queue_frames import (
    QueueEdit,
    QueueMove,
    QueuePause,
    QueueRemove,
    QueueResume,
    QueueSend,
    Steer,
)
from runs.socket.requests import messages_of

#: Returns the values of an answer.
type Answer = Callable[[UUID], Awaitable[dict[str, Any]]]


def key_of(frame: QueueFrame) -> UUID:
    """Return the run, or the conversation, that a frame is about."""
    named = frame.conversation_id if isinstance(frame, QueuePause | QueueResume) else frame.run_id
    return UUID(named)


def answer_to(frame: QueueFrame, user_id: int, token_id: int | None) -> Answer:
    """Return the function that executes a frame of a user with an API token or none, given the id that it is about."""
    match frame:
        case Steer():
            return partial(_steer, user_id, token_id, frame)
        case QueueEdit():
            said = messages_of(frame.input, uuid7()) or None
            return _about_run(partial(services.edit_queued, user_id, messages=said, model=frame.model))
        case QueueMove():
            return _about_run(partial(services.move_queued, user_id, index=frame.index))
        case QueueRemove():
            return _about_run(partial(services.remove_queued, user_id))
        case QueueSend():
            return _about_run(partial(services.send_queued, user_id))
        case QueuePause():
            return partial(_set, partial(services.pause_queue, user_id), "paused")
        case QueueResume():
            return partial(_set, partial(services.resume_queue, user_id), "resumed")
        case _:
            assert_never(frame)


def _about_run(service: Callable[[UUID], Awaitable[Started]]) -> Answer:
    async def execute(run_id: UUID) -> dict[str, Any]:
        done = await service(run_id)
        return {"run_id": done.run_id, "conversation_id": done.conversation_id, "state": done.state}

    return execute


async def _set(service: Callable[[UUID], Awaitable[None]], state: str, key: UUID) -> dict[str, Any]:
    await service(key)
    return {"conversation_id": key, "state": state}


async def _steer(user_id: int, token_id: int | None, frame: Steer, run_id: UUID) -> dict[str, Any]:
    steered = await services.steer(user_id, run_id, messages_of(frame.input, uuid7()), token_id=token_id)
    return {
        "run_id": run_id,
        "conversation_id": steered.conversation_id,
        "queued_run_id": steered.queued_run_id,
        "state": steered.state,
    }
