"""Titles by a model: once, traced, counted, and never over what a person has chosen."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from concurrency.threads import readers
from providers.models import ProviderTrace
from runs.models import Conversation, Run, Step
from runs.models.step import StepPurpose
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Socket, is_terminal

pytestmark = pytest.mark.django_db(transaction=True)

QUESTION = "Tell me how rivers get their names"


async def ended(socket: Socket, run_id: str) -> None:
    """Wait for a run's end; the first one loads what the SDKs need."""
    await socket.until(lambda: any(map(is_terminal, socket.events(run_id))), timeout=60)


async def titled(socket: Socket, conversation_id: str) -> str:
    """Wait until the list shows another title than the first words; return it."""

    def titles() -> list[str]:
        entries = [frame["entry"] for frame in socket.frames if frame["type"] == "list_entry"]
        return [
            each["title"] for each in entries if each["id"] == conversation_id and each["title"] != QUESTION
        ]

    await socket.until(lambda: bool(titles()), timeout=60)
    return titles()[-1]


async def test_the_first_answer_is_followed_by_a_title_that_is_traced_and_counted(
    ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_TITLE_MODEL = "emulator/hello"
    socket = await connect(ada)
    await socket.ask("subscribe", list=True)
    begun = await socket.start("emulator/hello", QUESTION)
    await ended(socket, begun["run_id"])
    title = await titled(socket, begun["conversation_id"])
    # The emulator greets whoever asks; what it quotes is the question for a title.
    assert title.startswith("Hello!")

    def stored() -> tuple[Any, Any, Any, int]:
        run = Run.objects.get(pk=begun["run_id"])
        steps = {step.purpose: step for step in Step.objects.filter(run=run)}
        return run, steps[StepPurpose.ANSWER], steps[StepPurpose.TITLE], ProviderTrace.objects.count()

    run, answer, step, traces = await readers.run(stored)
    assert traces == 2
    assert step.finished_at is not None
    assert (step.index, step.model) == (answer.index + 1, "hello")
    assert run.input_tokens == answer.input_tokens + step.input_tokens
    assert run.output_tokens == answer.output_tokens + step.output_tokens
    assert (run.cost or Decimal(0)) == (answer.cost or Decimal(0)) + (step.cost or Decimal(0))

    later = await socket.start("emulator/hello", "more", conversation_id=begun["conversation_id"])
    await ended(socket, later["run_id"])
    other = await socket.start("emulator/hello", QUESTION)
    await titled(socket, other["conversation_id"])
    assert await readers.run(Step.objects.filter(purpose=StepPurpose.TITLE).count) == 2


async def test_a_title_that_a_person_has_chosen_stays(ada: Person, connect: Connect, settings: Any) -> None:
    settings.RUNNEL_TITLE_MODEL = "emulator/hello"
    socket = await connect(ada)
    await socket.ask("subscribe", list=True)
    chosen = {"owner": ada.user, "title": "Mine", "is_title_chosen": True}
    conversation = await readers.run(lambda: Conversation.objects.create(**chosen))
    begun = await socket.start("emulator/hello", QUESTION, conversation_id=str(conversation.pk))
    await ended(socket, begun["run_id"])
    other = await socket.start("emulator/hello", QUESTION)
    await titled(socket, other["conversation_id"])
    kept = await readers.run(lambda: Conversation.objects.get(pk=begun["conversation_id"]).title)
    assert kept == "Mine"
    runs = Step.objects.filter(purpose=StepPurpose.TITLE).values_list("run_id", flat=True)
    assert await readers.run(lambda: list(runs)) == [UUID(other["run_id"])]


@pytest.mark.parametrize("model", ["", "emulator/hello[[fault=http status=400]]", "nowhere/at-all"])
async def test_without_a_model_that_answers_the_first_words_stay(
    model: str, ada: Person, connect: Connect, settings: Any
) -> None:
    settings.RUNNEL_TITLE_MODEL = model
    socket = await connect(ada)
    begun = await socket.start("emulator/hello", f"**{QUESTION}**")
    await ended(socket, begun["run_id"])
    if "fault" in model:
        failed = Step.objects.filter(purpose=StepPurpose.TITLE).exclude(error_code="")
        while not await readers.run(failed.exists):
            await socket.in_step()
    title = await readers.run(lambda: Conversation.objects.get(pk=begun["conversation_id"]).title)
    assert title == QUESTION
