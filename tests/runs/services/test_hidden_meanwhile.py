"""A start in a conversation that is hidden or deleted while the start is prepared."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from uuid6 import uuid7

from concurrency.threads import readers
from runs import errors, services
from runs.models import Conversation, Message, Run
from runs.services import new_run
from runs.services.new_run import StartRequest
from tests.runs.conftest import Connect, Person

pytestmark = pytest.mark.django_db(transaction=True)


def hide(conversation: Any) -> None:
    conversation.update(erased_at=timezone.now())


def delete(conversation: Any) -> None:
    conversation.delete()


@pytest.mark.parametrize("vanish", [hide, delete])
async def test_it_is_refused_and_leaves_nothing(
    ada: Person, connect: Connect, monkeypatch: pytest.MonkeyPatch, vanish: Callable[[Any], None]
) -> None:
    socket = await connect(ada)
    first = await socket.start("emulator/echo", "hi")
    await socket.ended(first["run_id"])
    prepare = new_run.prepare

    def overtaken(*args: Any) -> Any:
        prepared = prepare(*args)
        vanish(Conversation.all_rows.filter(pk=first["conversation_id"]))
        return prepared

    monkeypatch.setattr(new_run, "prepare", overtaken)
    request = StartRequest(
        run_id=uuid7(),
        conversation_id=UUID(first["conversation_id"]),
        model="emulator/echo",
        messages=[{"role": "user", "content": "again"}],
    )
    with pytest.raises(errors.NotFound):
        await services.start(ada.user.pk, request)
    assert not await readers.run(Run.objects.filter(pk=request.run_id).exists)
    assert not await readers.run(Message.objects.filter(run_id=request.run_id).exists)
    monkeypatch.undo()
    assert (await socket.start("emulator/echo", "elsewhere"))["state"] == "created"
