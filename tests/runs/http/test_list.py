"""The list of conversations over HTTP: search, places, folders, deletion that can be undone."""

import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from runs.models import Conversation, Message, Run
from runs.retention import contents
from runs.retention.erasing import erase
from runs.retention.pace import Pace
from runs.states import RunStatus
from runs.store import listing
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> Any:
    return make_user("ada")


@pytest.fixture
def client(user: User) -> Client:
    signed_in = Client()
    signed_in.force_login(user)
    return signed_in


def unhurried() -> Pace:
    return Pace(stop=threading.Event())


def say(run: Run, *texts: str) -> Message:
    parts = [{"kind": "text", "text": text} for text in texts]
    position = run.conversation.messages.count() + 1
    return Message.objects.create(
        conversation=run.conversation, run=run, role="user", position=position, parts=parts
    )


def listed(client: Client, **asked: str) -> list[str]:
    """Return the titles of a page of the list."""
    return [each["title"] for each in client.get("/api/conversations/", asked).json()["conversations"]]


def change(client: Client, conversation: Conversation | uuid.UUID, **changes: Any) -> Any:
    key = conversation.pk if isinstance(conversation, Conversation) else conversation
    return client.patch(f"/api/conversations/{key}/", json.dumps(changes), content_type="application/json")


def entry_of(client: Client, title: str) -> Any:
    return next(
        each for each in client.get("/api/conversations/").json()["conversations"] if each["title"] == title
    )


def test_it_finds_words_in_titles_and_in_what_was_said_whatever_their_case(
    client: Client, user: User
) -> None:
    say(make_run(owner=user, title="Über Flüsse"), "Wo entspringt die AARE?")
    say(make_run(owner=user, title="Cooking"), "Straße, ﬁsh and “quotes” \\ %_")
    say(make_run(owner=user, title="Plain"), "nothing")
    assert listed(client, q="über") == ["Über Flüsse"]
    assert listed(client, q="ÜBER aare") == ["Über Flüsse"]
    assert listed(client, q="STRASSE") == ["Cooking"]
    assert listed(client, q="fish “quotes”") == ["Cooking"]
    assert listed(client, q="%_") == ["Cooking"]
    assert listed(client, q="\\") == ["Cooking"]
    assert listed(client, q="aare nothing") == []
    assert listed(client, q="%") == ["Cooking"]
    assert listed(client, q="   ") == ["Plain", "Cooking", "Über Flüsse"]


def test_a_search_finds_an_answer_that_a_run_has_stored(client: Client, user: User) -> None:
    message = say(make_run(owner=user, title="Later"), "first")
    message.parts = [{"kind": "reasoning", "text": "thought"}, {"kind": "text", "text": "Answered"}]
    message.save()
    assert listed(client, q="answered") == ["Later"]
    assert listed(client, q="thought") == []


def test_a_search_shows_where_the_words_were_found(client: Client, user: User) -> None:
    say(make_run(owner=user, title="Long"), f"{'before ' * 50}the Needle{' behind' * 50}")
    (found,) = client.get("/api/conversations/", {"q": "needle"}).json()["conversations"]
    assert "the Needle behind" in found["excerpt"]
    assert len(found["excerpt"]) < 170
    (by_title,) = client.get("/api/conversations/", {"q": "long"}).json()["conversations"]
    assert by_title["excerpt"] == ""


def test_a_search_comes_in_pages(client: Client, user: User) -> None:
    now = timezone.now()
    for number in range(listing.FOUND_SIZE + 3):
        run = make_run(owner=user, title=f"Found {number:02}")
        moment = now - timedelta(minutes=number)
        Conversation.objects.filter(pk=run.conversation_id).update(updated_at=moment)
    first = client.get("/api/conversations/", {"q": "found"}).json()
    second = client.get("/api/conversations/", {"q": "found", "before": first["before"]}).json()
    titles = [each["title"] for each in (*first["conversations"], *second["conversations"])]
    assert titles == [f"Found {number:02}" for number in range(listing.FOUND_SIZE + 3)]
    assert second["before"] is None


def test_a_search_reads_no_rows_of_others(client: Client, user: User) -> None:
    run = make_run(owner=user, title="Mine")
    say(run, "secret")
    eve = make_user("eve")
    for number in range(50):
        say(make_run(owner=eve, title=f"Hers {number}"), "secret")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert listed(client, q="secret") == ["Mine"]
    searching = [query["sql"] for query in queries if "folded_text" in query["sql"]]
    assert searching
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for sql in searching:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = [row[3] for row in cursor.fetchall()]
                scanned = [step for step in plan if step.startswith("SCAN") and "runs_" in step]
                assert scanned == [], plan


def test_what_is_pinned_comes_with_the_first_page_however_old_it_is(client: Client, user: User) -> None:
    old = make_run(owner=user, title="Old").conversation
    assert change(client, old, pinned=True).json()["pinned"] is True
    long_ago = timezone.now() - timedelta(days=900)
    Conversation.objects.filter(pk=old.pk).update(updated_at=long_ago)
    for number in range(listing.PAGE_SIZE):
        make_run(owner=user, title=f"New {number}")
    first = client.get("/api/conversations/").json()
    assert [each["title"] for each in first["pinned"]] == ["Old"]
    assert "Old" not in [each["title"] for each in first["conversations"]]
    assert "pinned" not in client.get("/api/conversations/", {"before": first["before"]}).json()


def test_what_is_archived_is_listed_only_when_asked_and_is_found(client: Client, user: User) -> None:
    away = make_run(owner=user, title="Away").conversation
    make_run(owner=user, title="Here")
    change(client, away, archived=True)
    assert listed(client) == ["Here"]
    assert listed(client, archived="1") == ["Away"]
    assert listed(client, q="away") == ["Away"]
    change(client, away, archived=False)
    assert sorted(listed(client)) == ["Away", "Here"]


def test_folders_are_named_listed_renamed_and_dissolved(client: Client, user: User) -> None:
    for title, folder in (("A", "Work"), ("B", "Work"), ("C", "Home"), ("D", "")):
        run = make_run(owner=user, title=title)
        if folder:
            assert change(client, run.conversation, folder=f"  {folder} ").json()["folder"] == folder
    make_run(owner=make_user("eve"), title="E")
    assert client.get("/api/conversations/").json()["folders"] == ["Home", "Work"]
    assert sorted(listed(client, folder="Work")) == ["A", "B"]
    assert listed(client, folder="") == ["D"]

    def rename(name: str, new_name: str) -> Any:
        body = json.dumps({"name": name, "new_name": new_name})
        return client.patch("/api/folders/", body, content_type="application/json")

    assert rename("Work", "Office").json() == {"conversations": 2}
    assert client.get("/api/conversations/").json()["folders"] == ["Home", "Office"]
    assert rename("Office", "").json() == {"conversations": 2}
    assert client.get("/api/conversations/").json()["folders"] == ["Home"]
    assert rename("", "Everything").json() == {"conversations": 0}
    assert rename("Home", "x" * 61).status_code == 400
    assert rename("Home", "\u200b").status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"title": ""},
        {"title": "\u200b \u2800"},
        {"title": "x" * 81},
        {"title": 5},
        {"pinned": "yes"},
        {"pinned": 1},
        {"owner": 7},
        {"folder": "x" * 61},
    ],
)
def test_it_refuses_changes_that_it_cannot_store(client: Client, user: User, changes: Any) -> None:
    conversation = make_run(owner=user, title="As it was").conversation
    answer = change(client, conversation, **changes)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    conversation.refresh_from_db()
    assert (conversation.title, conversation.is_pinned, conversation.folder) == ("As it was", False, "")


def test_a_new_title_is_cleaned_and_found(client: Client, user: User) -> None:
    conversation = make_run(owner=user, title="Before").conversation
    assert (
        change(client, conversation, title=" Nach\x00her\n ÄHNLICH ").json()["title"]
        == "Nach\ufffdher ÄHNLICH"
    )
    assert listed(client, q="ähnlich") == ["Nach\ufffdher ÄHNLICH"]
    assert listed(client, q="before") == []


def test_an_entry_tells_what_goes_on_and_what_was_not_read(client: Client, user: User) -> None:
    begin = timezone.now() - timedelta(hours=1)
    for title, status in (
        ("runs", RunStatus.RUNNING),
        ("waits", RunStatus.AWAITING_APPROVAL),
        ("failed", RunStatus.FAILED),
        ("done", RunStatus.COMPLETED),
    ):
        make_run(owner=user, title=title, status=status, created_at=begin)
    states = {
        each["title"]: each["state"] for each in client.get("/api/conversations/").json()["conversations"]
    }
    assert states == {"runs": "running", "waits": "waiting", "failed": "failed", "done": "idle"}

    # Each was made now, and counts as seen then: its run ended before.
    assert entry_of(client, "done")["unread"] is False
    done = Conversation.objects.get(title="done")
    Conversation.objects.filter(pk=done.pk).update(seen_at=begin)
    assert entry_of(client, "done")["unread"] is True
    assert change(client, done, seen=True).json()["unread"] is False


def test_a_deletion_can_be_undone_until_its_time_is_over(client: Client, user: User, settings: Any) -> None:
    run = make_run(owner=user, title="Back again")
    said = say(run, "still here")
    address = f"/api/conversations/{run.conversation_id}/"
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert listed(client) == []
    contents.empty(unhurried())
    assert client.post(f"{address}restore/").status_code == 204
    assert client.post(f"{address}restore/").status_code == 204
    assert listed(client) == ["Back again"]
    assert Message.objects.filter(pk=said.pk).exists()

    client.delete(address)
    over = timezone.now() - timedelta(seconds=1)
    Conversation.all_rows.update(restorable_until=over)
    assert client.post(f"{address}restore/").status_code == 404
    contents.empty(unhurried())
    assert not Message.objects.filter(pk=said.pk).exists()
    emptied = Conversation.all_rows.get()
    assert (emptied.title, emptied.folded_title, emptied.is_emptied) == ("", "", True)


def test_an_erased_user_leaves_nothing_that_could_be_restored(client: Client, user: User) -> None:
    run = make_run(owner=user, title="Mine")
    say(run, "words")
    client.delete(f"/api/conversations/{run.conversation_id}/")
    erase(user, unhurried())
    assert not Message.objects.exists()


def test_nobody_restores_what_retention_has_erased(client: Client, user: User) -> None:
    run = make_run(owner=user)
    contents.erase(Conversation.objects.all(), unhurried())
    assert client.post(f"/api/conversations/{run.conversation_id}/restore/").status_code == 404
