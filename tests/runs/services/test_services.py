"""Starting, cancelling, locating, deleting: the door through which runs change, without a socket."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest
from uuid6 import uuid7

import emulator
from concurrency.threads import readers
from providers.models import ProviderTrace, TracePiece
from runs import errors, services
from runs.engine import stop_signals, supervisor
from runs.errors import Unsupported
from runs.models import Conversation, Message, Run
from runs.models.conversation import TITLE_LENGTH
from runs.retention import contents
from runs.retention.pace import Pace
from runs.services.new_run import Started, StartRequest
from runs.states import ACTIVE, TERMINAL, RunStatus
from tests.runs.conftest import Person
from tests.runs.rows import make_run

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]

STUCK = 10.0


def request(text: str = "hi", **fields: Any) -> StartRequest:
    values: dict[str, Any] = {
        "run_id": uuid7(),
        "conversation_id": None,
        "model": "emulator/echo",
        "messages": [{"id": "m", "role": "user", "content": text}],
    }
    return StartRequest(**values | fields)


async def start(person: Person, text: str = "hi", **fields: Any) -> Started:
    return await services.start(person.user.pk, request(text, **fields))


async def ended(run_id: UUID) -> Run:
    """Wait until a run has ended and is live no more."""
    async with asyncio.timeout(STUCK):
        while stop_signals.get(run_id) is not None:
            await asyncio.sleep(0.005)
    run = await readers.run(Run.objects.select_related("log").get, pk=run_id)
    assert run.status in TERMINAL
    return run


async def test_a_start_stores_the_run_and_what_was_asked(ada: Person) -> None:
    started = await start(ada, "Where does the Rhine rise?", system="Be brief.", options={"max_steps": 3})
    assert (started.state, started.status) == ("created", "created")
    run = await ended(started.run_id)
    assert (run.owner_id, run.model, run.system, run.options) == (
        ada.user.pk,
        "emulator/echo",
        "Be brief.",
        {"max_steps": 3},
    )
    # What was asked is a message by then.
    assert run.input == []
    said = await readers.run(lambda: [(row.position, row.role, row.text) for row in Message.objects.all()])
    assert said == [(1, "user", "Where does the Rhine rise?"), (2, "assistant", "Where does the Rhine rise?")]


async def test_a_start_passes_on_what_is_for_the_model(ada: Person) -> None:
    asked = {
        "max_steps": 3,
        "max_output_tokens": 99,
        "stop_sequences": ["END"],
        "cache": "short",
        "output_schema": {"type": "object", "default": None},
        "provider_options": {"top_k": None},
        "fallback_models": ["emulator/hello"],
    }
    started = await start(ada, options=asked)
    run = await ended(started.run_id)
    assert run.options == asked
    trace = await readers.run(ProviderTrace.objects.get, run_id=run.id)
    sent = await readers.run(getattr, trace, "request")
    assert (sent["max_tokens"], sent["stop_sequences"], sent["top_k"]) == (99, ["END"], None)
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": asked["output_schema"]}}
    assert not sent.keys() & asked.keys() - {"stop_sequences"}


@pytest.mark.parametrize(
    ("model", "options", "about"),
    [
        ("emulator/echo@openai-responses", {"stop_sequences": ["END"]}, "stop_sequences"),
        ("emulator/echo", {"tool_choice": "required"}, "tool_choice"),
        ("emulator/echo", {"provider_options": {"stream": False}}, "stream"),
        ("emulator/echo", {"provider_options": {"mcp_servers": []}}, "RUNNEL_ALLOW_PROVIDER_OPTIONS"),
        ("emulator/echo", {"provider_options": {"tools": [{"type": "file_search"}]}}, "tools.file_search"),
    ],
)
async def test_it_stores_nothing_of_what_a_provider_has_no_words_for(
    model: str, options: dict[str, Any], about: str, ada: Person
) -> None:
    run_id = uuid7()
    with pytest.raises(Unsupported) as refusal:
        await start(ada, run_id=run_id, model=model, options=options)
    assert (refusal.value.code, about in refusal.value.message) == ("unsupported", True)
    assert not await readers.run(Run.objects.exists)
    assert not await readers.run(Conversation.objects.exists)
    assert stop_signals.get(run_id) is None


async def test_a_conversation_goes_on_where_it_ended(ada: Person) -> None:
    first = await start(ada, "one")
    await ended(first.run_id)
    parts = [{"type": "text", "text": "two"}, {"type": "text", "text": " and a half"}]
    messages = [
        {"id": "a", "role": "user", "content": parts},
        {"id": "b", "role": "user", "content": "three"},
    ]
    second = await start(ada, conversation_id=first.conversation_id, messages=messages)
    await ended(second.run_id)
    said = await readers.run(
        lambda: list(Message.objects.order_by("position").values_list("position", "role"))
    )
    assert said == [(1, "user"), (2, "assistant"), (3, "user"), (4, "user"), (5, "assistant")]
    third = await readers.run(Message.objects.get, position=3)
    assert [part["text"] for part in third.parts] == ["two", " and a half"]


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"])
async def test_system_and_options_reach_the_upstream(wire: str, ada: Person) -> None:
    started = await start(
        ada,
        model=f"emulator/echo@{wire}",
        system="Speak like a river.",
        options={"max_output_tokens": 77, "temperature": 0.25},
    )
    await ended(started.run_id)
    exchange = (await emulator.shared()).exchanges[-1]
    sent = repr(exchange.body)
    assert "Speak like a river." in sent
    assert ": 77" in sent
    assert ": 0.25" in sent


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("  Hello \n\t there  ", "Hello there"),
        ("a" * TITLE_LENGTH, "a" * TITLE_LENGTH),
        ("a" * (TITLE_LENGTH + 1), "a" * (TITLE_LENGTH - 1) + "…"),
        ("word " * 40, ("word " * 16)[: TITLE_LENGTH - 1].rstrip() + "…"),
        ("😀" * 200, "😀" * (TITLE_LENGTH - 1) + "…"),
        (" \n ", ""),
        ("\u200b\u2060\ufeff", ""),
        ("\u3164 \u2800\ufe0f", ""),
        ("\u200bHello", "\u200bHello"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
    ],
)
async def test_the_first_words_are_the_title(text: str, title: str, ada: Person) -> None:
    started = await start(ada, text)
    conversation = await readers.run(Conversation.objects.get, pk=started.conversation_id)
    assert conversation.title == title


async def test_later_words_leave_the_title_alone_and_bring_the_conversation_up(ada: Person) -> None:
    first = await start(ada, "one")
    await ended(first.run_id)
    before = await readers.run(Conversation.objects.get, pk=first.conversation_id)
    second = await start(ada, "two", conversation_id=first.conversation_id)
    await ended(second.run_id)
    after = await readers.run(Conversation.objects.get, pk=first.conversation_id)
    assert after.title == "one"
    assert after.updated_at > before.updated_at


def test_a_digest_tells_bodies_apart_and_knows_the_same_one_again() -> None:
    run_id = uuid7()
    same = [
        request(run_id=run_id, options={"max_steps": 2, "temperature": 0.5}),
        request(run_id=run_id, options={"temperature": 0.5, "max_steps": 2}),
    ]
    assert same[0].digest() == same[1].digest()
    others = [
        request("ho"),
        request(model="emulator/hello"),
        request(system="Be brief."),
        request(options={"max_steps": 2}),
        request(conversation_id=uuid7()),
        request(messages=[{"id": "m", "role": "user", "content": "hi"}] * 2),
    ]
    assert len({other.digest() for other in [request(), *others]}) == len(others) + 1


async def test_a_cancel_reaches_a_live_run_from_any_thread(ada: Person) -> None:
    started = await start(ada, model="emulator/silent")
    states = [
        await readers.run(services.cancel_from_thread, ada.user.pk, started.run_id, reason="enough")
        for _ in range(2)
    ]
    run = await ended(started.run_id)
    assert states[0] == "requested"
    assert states[1] in {"requested", "already_terminal"}
    assert (run.status, run.cancelled_by, run.cancel_reason) == ("cancelled", "user", "enough")
    late = await readers.run(services.cancel_from_thread, ada.user.pk, started.run_id)
    assert late == "already_terminal"


async def test_an_admin_stops_anybodys_run_and_is_named(ada: Person, eve: Person) -> None:
    started = await start(ada, model="emulator/silent")
    with pytest.raises(errors.NotFound):
        await readers.run(services.cancel_from_thread, eve.user.pk, started.run_id)
    assert await readers.run(services.cancel_from_thread, None, started.run_id) == "requested"
    assert (await ended(started.run_id)).cancelled_by == "admin"


async def test_nobody_cancels_a_strangers_run(ada: Person, eve: Person) -> None:
    started = await start(ada, model="emulator/silent")
    for run_id in (started.run_id, uuid7()):
        with pytest.raises(errors.NotFound):
            await services.cancel(eve.user.pk, run_id)
    live = stop_signals.get(started.run_id)
    assert live is not None
    assert not live.signal.is_set()


async def test_a_cancel_of_a_run_that_another_process_drives_is_stored(ada: Person) -> None:
    run = await readers.run(lambda: make_run(owner=ada.user, status=RunStatus.RUNNING))
    assert await services.cancel(ada.user.pk, run.pk, reason="enough") == "requested"
    run = await readers.run(Run.objects.get, pk=run.pk)
    assert run.cancel_requested_at is not None
    assert (run.status, run.cancelled_by, run.cancel_reason) == ("running", "user", "enough")


async def test_the_heartbeat_hears_of_a_cancel_that_somebody_else_stored(ada: Person, settings: Any) -> None:
    settings.RUNNEL_HEARTBEAT_SECONDS = 0.05
    started = await start(ada, model="emulator/silent")

    def store() -> None:
        Run.objects.filter(pk=started.run_id).update(
            cancel_requested_at="2026-01-01T00:00Z", cancelled_by="admin", cancel_mode="immediate"
        )

    await supervisor.current().journal.execute(store)
    run = await ended(started.run_id)
    assert (run.status, run.cancelled_by) == ("cancelled", "admin")


async def test_a_cancel_after_the_step_lets_the_step_say_all_of_it(ada: Person) -> None:
    started = await start(ada, model="emulator/hello")
    assert await services.cancel(ada.user.pk, started.run_id, mode="after_step") == "requested"
    run = await ended(started.run_id)
    assert run.status == "cancelled"
    assert not run.stream_was_cancelled


async def test_a_run_has_a_position(ada: Person, eve: Person) -> None:
    started = await start(ada, model="emulator/silent")
    owner = services.Onlooker(user_id=ada.user.pk)
    position = (await services.locate_conversation(owner, started.conversation_id)).active
    assert position is not None
    assert (position.run_id, position.is_finished) == (started.run_id, False)
    await services.cancel(ada.user.pk, started.run_id)
    run = await ended(started.run_id)
    position = await services.locate_run(services.Onlooker(user_id=ada.user.pk), started.run_id)
    assert (position.last_seq, position.status, position.is_finished) == (run.last_seq, "cancelled", True)
    assert (await services.locate_conversation(owner, started.conversation_id)).active is None
    with pytest.raises(errors.NotFound):
        await services.locate_run(services.Onlooker(user_id=eve.user.pk), started.run_id)
    with pytest.raises(errors.NotFound):
        await services.locate_conversation(services.Onlooker(user_id=eve.user.pk), started.conversation_id)


async def test_deleting_a_conversation_leaves_nothing_of_it_but_what_it_cost(
    ada: Person, eve: Person, settings: Any
) -> None:
    settings.RUNNEL_UNDO_SECONDS = 0.0
    kept, gone = await start(ada, "long " * 200), await start(ada, "long " * 200)
    for started in (kept, gone):
        await ended(started.run_id)
    with pytest.raises(errors.NotFound):
        await readers.run(services.delete_conversation, eve.user, gone.conversation_id)
    await readers.run(services.delete_conversation, ada.user, gone.conversation_id)
    with pytest.raises(errors.NotFound):
        await services.locate_run(services.Onlooker(user_id=ada.user.pk), gone.run_id)
    with pytest.raises(errors.NotFound):
        await start(ada, conversation_id=gone.conversation_id)
    await readers.run(contents.empty, Pace(stop=threading.Event()))

    def left() -> list[set[UUID]]:
        models = (Message, ProviderTrace, TracePiece)
        return [
            set(model._default_manager.values_list(name, flat=True))
            for model, name in zip(models, ("run_id", "run_id", "scope"), strict=True)
        ]

    assert await readers.run(left) == [*([{kept.run_id}] * 2), {kept.conversation_id}]
    assert await readers.run(Run.objects.count) == 2


async def test_a_conversation_with_a_run_under_way_is_not_deleted(ada: Person) -> None:
    started = await start(ada, model="emulator/silent")
    with pytest.raises(errors.ConversationBusy):
        await readers.run(services.delete_conversation, ada.user, started.conversation_id)
    assert await readers.run(Run.objects.filter(pk=started.run_id).exists)


async def test_a_stopping_server_takes_no_new_runs(ada: Person) -> None:
    await supervisor.current().drain()
    with pytest.raises(errors.Restarting) as refused:
        await start(ada)
    assert refused.value.retryable
    assert await readers.run(Run.objects.count) == 0


async def test_a_run_that_starts_as_the_server_stops_is_not_left_behind(ada: Person) -> None:
    await ended((await start(ada)).run_id)
    here = supervisor.current()
    starting = asyncio.create_task(start(ada, model="emulator/silent"))
    async with asyncio.timeout(STUCK):
        # Before it is claimed it would be refused, and after it is stored it would be live.
        while not here.live_count(ada.user.pk):
            await asyncio.sleep(0)
    await here.drain()
    started = await asyncio.wait_for(starting, STUCK)
    assert await readers.run(Run.objects.filter(status__in=ACTIVE).count) == 0
    run = await ended(started.run_id)
    assert (run.status, run.stop_reason) == ("cancelled", "shutdown")
    # The end says who stopped it; an intent of its own would outlive a server that dies now.
    assert (run.cancelled_by, run.cancel_requested_at) == ("server", None)


async def test_stopping_twice_is_stopping_once(ada: Person) -> None:
    started = await start(ada, model="emulator/silent")
    here = supervisor.current()
    await asyncio.wait_for(asyncio.gather(here.drain(), here.drain()), STUCK)
    run = await ended(started.run_id)
    assert (run.stop_reason, run.cancelled_by) == ("shutdown", "server")
