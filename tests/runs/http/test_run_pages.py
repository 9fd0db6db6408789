"""A conversation is read page by page, newest runs first, or run by run."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db.models.signals import post_init
from django.test import Client
from django.utils import timezone

from runs.models import Conversation, Message, Note, Run
from tests.runs.rows import make_user, note_browser

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def conversation() -> Conversation:
    return Conversation.objects.create(owner=make_user("ada"))


@pytest.fixture
def client(conversation: Conversation) -> Client:
    client = Client()
    client.force_login(conversation.owner)
    return client


def add_runs(conversation: Conversation, count: int, *, characters: int = 20, seconds: int = 1) -> list[Run]:
    """Store runs that began ``seconds`` apart, each with a question, an answer and a note."""
    runs, messages, notes = [], [], []
    owner = conversation.owner
    for number in range(count):
        run = Run(conversation=conversation, owner=owner, model="emulator/hello", status="completed")
        runs.append(run)
        for offset, role in enumerate(("user", "assistant")):
            parts = [{"kind": "text", "text": f"{role} {number} ".ljust(characters, "x")}]
            messages.append(
                Message(
                    conversation=conversation,
                    run=run,
                    position=2 * number + offset + 1,
                    role=role,
                    parts=parts,
                )
            )
        notes.append(Note(conversation=conversation, run=run, call_id=uuid4(), text=f"note {number}"))
    Run.objects.bulk_create(runs)
    Message.objects.bulk_create(messages)
    Note.objects.bulk_create(notes)
    for number, run in enumerate(runs):
        Run.objects.filter(pk=run.pk).update(created_at=NOW + timedelta(seconds=seconds * number))
    return runs


def get(client: Client, conversation: Conversation, query: str = "") -> Any:
    response = client.get(f"/api/conversations/{conversation.pk}/{query}")
    assert response.status_code == 200, response.content
    return response.json()


def all_pages(client: Client, conversation: Conversation) -> list[Any]:
    pages = [get(client, conversation)]
    while before := pages[-1]["before"]:
        pages.append(get(client, conversation, f"?before={quote(before)}"))
    return pages


@pytest.mark.parametrize("characters", [20, 1_000, 20_000])
def test_a_page_of_a_long_conversation_is_small(
    client: Client, conversation: Conversation, characters: int
) -> None:
    add_runs(conversation, 400 if characters < 20_000 else 20, characters=characters)
    response = client.get(f"/api/conversations/{conversation.pk}/")
    assert len(response.content) <= 100_000
    assert response.json()["runs"]


@pytest.mark.parametrize(("characters", "seconds"), [(20, 1), (20, 0), (5_000, 1), (5_000, 0), (60_000, 1)])
def test_the_pages_have_every_run_once_and_in_order(
    client: Client, conversation: Conversation, characters: int, seconds: int
) -> None:
    stored = add_runs(conversation, 45, characters=characters, seconds=seconds)
    pages = all_pages(client, conversation)
    order = sorted(stored, key=lambda run: (run.created_at if seconds else NOW, run.pk))
    if seconds:
        order = stored
    assert [run["id"] for page in reversed(pages) for run in page["runs"]] == [str(run.pk) for run in order]
    said = [message["run_id"] for page in reversed(pages) for message in page["messages"]]
    assert said == [str(run.pk) for run in order for _ in range(2)]
    assert sum(len(page["notes"]) for page in pages) == 45
    assert len(pages) > 2


def test_a_short_conversation_is_one_page(client: Client, conversation: Conversation) -> None:
    add_runs(conversation, 20)
    page = get(client, conversation)
    assert (len(page["runs"]), page["before"]) == (20, None)
    assert [note["text"] for note in page["notes"]] == [f"note {number}" for number in range(20)]


def test_some_runs_are_read_by_their_ids(client: Client, conversation: Conversation) -> None:
    runs = add_runs(conversation, 30)
    page = get(client, conversation, f"?run={runs[3].pk}&run={runs[1].pk}&run={uuid4()}")
    assert [run["id"] for run in page["runs"]] == [str(runs[1].pk), str(runs[3].pk)]
    assert {message["run_id"] for message in page["messages"]} == {str(runs[1].pk), str(runs[3].pk)}
    assert (page["before"], len(page["notes"])) == (None, 2)


def test_a_run_of_another_conversation_is_none_of_this_one(
    client: Client, conversation: Conversation
) -> None:
    other = Conversation.objects.create(owner=make_user("eve"))
    (foreign,) = add_runs(other, 1)
    assert get(client, conversation, f"?run={foreign.pk}")["runs"] == []


@pytest.mark.parametrize(
    "query", ["?before=x", "?before=2026-01-01", "?before=2026-01-01T00:00:00,1", "?run=1", "?run="]
)
def test_it_refuses_what_it_never_gave_out(client: Client, conversation: Conversation, query: str) -> None:
    response = client.get(f"/api/conversations/{conversation.pk}/{query}")
    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


def test_its_queries_do_not_grow_with_the_conversation(
    client: Client, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    add_runs(conversation, 60)
    note_browser(client)
    with django_assert_max_num_queries(20):
        get(client, conversation)


def test_it_reads_few_runs_that_it_does_not_show_and_none_of_their_answers_in_native_form(
    client: Client, conversation: Conversation, django_assert_max_num_queries: Any
) -> None:
    add_runs(conversation, 20, characters=200_000)
    read: list[Message] = []

    def note(instance: Message, **_: Any) -> None:
        read.append(instance)

    note_browser(client)
    post_init.connect(note, sender=Message)
    try:
        with django_assert_max_num_queries(13):
            page = get(client, conversation)
    finally:
        post_init.disconnect(note, sender=Message)
    assert len(page["runs"]) == 1
    assert len(read) == 2 * 4
    assert {name for message in read for name in message.get_deferred_fields()} == {
        "folded_text",
        "native",
        "origin",
    }
