"""Conversations as files: what goes out can be read, what comes in is bounded, and is nobody's word."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from runs.http import portable as portable_view
from runs.models import Conversation, Message, Run
from runs.states import RunStatus, StopReason
from runs.store import files, history, portable
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db

IMPORT = "/api/conversations/import/"
CALL = {"kind": "tool_call", "id": "c1", "name": "clock", "arguments": '{"zone": "UTC"}', "complete": True}
RESULT = {"kind": "tool_result", "call_id": "c1", "name": "clock", "content": "12:00 ```", "is_error": False}


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def say(run: Run, role: str, *parts: dict[str, Any]) -> Message:
    position = run.conversation.messages.count() + 1
    return Message.objects.create(
        conversation=run.conversation,
        run=run,
        role=role,
        position=position,
        parts=list(parts),
        native=[{"sealed": "S"}],
    )


def text(words: str) -> dict[str, Any]:
    return {"kind": "text", "text": words, "refusal": False, "annotations": []}


def full_run(owner: User) -> Run:
    run = make_run(owner=owner, title="Über *Flüsse*", model="emulator/tools", cost="0.25", input_tokens=7)
    file = files.store(owner.pk, SimpleUploadedFile("map.txt", b"here"), name="map.txt")
    media = {
        "kind": "media",
        "medium": "document",
        "mime_type": "text/plain",
        "name": "map.txt",
        "file": str(file.pk),
    }
    say(run, "user", text("What time is it?"), media)
    say(run, "assistant", {"kind": "reasoning", "text": "Hm.\nA clock.", "sealed": "SEAL"}, CALL)
    say(run, "tool", RESULT)
    say(run, "assistant", text("It is **noon**."))
    return run


def export(client: Client, run: Run, kind: str) -> Any:
    answer = client.get(f"/api/conversations/{run.conversation_id}/export/", {"format": kind})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    return answer


def send(client: Client, value: Any) -> Any:
    body = value if isinstance(value, str) else json.dumps(value)
    return client.post(IMPORT, body, content_type="application/json")


def test_markdown_has_all_that_was_said_in_its_order(ada: User) -> None:
    told = export(browser(ada), full_run(ada), "markdown").content.decode()
    expected = [
        "# Über *Flüsse*",
        "## You",
        "What time is it?",
        "*File: map.txt*",
        "## Answer (emulator/tools)",
        "> Hm.\n> A clock.",
        'Calls `clock`:\n\n```\n{"zone": "UTC"}\n```',
        "## Results of tools",
        "````\n12:00 ```\n````",
        "It is **noon**.",
    ]
    places = [told.index(part) for part in expected]
    assert places == sorted(places)


def test_what_was_exported_is_imported_as_it_was_said(ada: User) -> None:
    eve = make_user("eve")
    run = full_run(ada)
    failed = make_run(owner=ada, status=RunStatus.FAILED, left_out_of="*")
    last = run.messages.order_by("-position")[0]
    Run.objects.filter(pk=failed.pk).update(conversation=run.conversation, parent_id=last.pk)
    sent = export(browser(ada), run, "json").json()
    assert "SEAL" not in str(sent)
    made = send(browser(eve), sent)
    assert made.status_code == 201
    stored = browser(eve).get(f"/api/conversations/{made.json()['id']}/").json()
    assert stored["title"] == "Über *Flüsse*"
    assert [each["role"] for each in stored["messages"]] == ["user", "assistant", "assistant", "assistant"]
    told = "\n".join(each["text"] for each in stored["messages"])
    assert "What time is it?" in told
    assert "12:00 ```" in told
    assert "It is **noon**." in told
    assert [each["status"] for each in stored["runs"]] == ["completed", "failed"]
    assert [each["left_out_of"] for each in stored["runs"]] == ["", "*"]
    # Another's costs are nobody's here, and no row is shared.
    assert {(each["cost"], each["usage"]["input_tokens"]) for each in stored["runs"]} == {(None, None)}
    ids = {str(key) for key in Run.objects.filter(owner=ada).values_list("pk", flat=True)}
    assert not ids & {each["id"] for each in stored["runs"]}
    assert browser(eve).get("/api/conversations/", {"q": "noon"}).json()["conversations"]
    assert {str(message.native) for message in Message.objects.filter(conversation__owner=eve)} == {"[]"}


def test_an_imported_conversation_goes_on(ada: User) -> None:
    made = send(browser(ada), export(browser(ada), full_run(ada), "json").json()).json()["id"]
    conversation = Conversation.objects.get(pk=made)
    assert conversation.shown_run_id is not None
    said = history.of_branch(conversation.shown_run_id)
    assert said[0].role.value == "user"
    assert len(said) == 4


def test_branches_come_along(ada: User) -> None:
    run = full_run(ada)
    question = Message.objects.filter(conversation=run.conversation).order_by("position")[0]
    again = make_run(owner=ada, parent_id=question.pk, begins="again", model="emulator/hello")
    Run.objects.filter(pk=again.pk).update(conversation=run.conversation)
    again.refresh_from_db()
    said = say(again, "assistant", text("Another answer."))
    Message.objects.filter(pk=said.pk).update(parent_id=question.pk)
    Conversation.objects.filter(pk=run.conversation_id).update(shown_run_id=run.pk)
    made = send(browser(ada), export(browser(ada), run, "json").json()).json()["id"]
    runs = list(Conversation.objects.get(pk=made).runs.order_by("created_at"))
    first = Message.objects.filter(conversation=made, run=runs[0]).order_by("position")
    assert [each.begins for each in runs] == ["", "again"]
    assert runs[1].parent_id == first[0].pk
    assert Message.objects.get(conversation=made, run=runs[1]).parent_id == first[0].pk
    assert Conversation.objects.get(pk=made).shown_run_id == runs[0].pk
    assert [each.parent_id for each in first] == [None, *(each.pk for each in list(first)[:-1])]


def run_of(**changes: Any) -> dict[str, Any]:
    said = {"id": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
    return {"id": "r", "model": "a/b", "status": "completed", "messages": [said]} | changes


def file_of(*runs: Any, **changes: Any) -> dict[str, Any]:
    return {"format": portable.FORMAT, "version": 1, "title": "T", "runs": list(runs)} | changes


@pytest.mark.parametrize(
    "value",
    [
        "no json",
        "[" * 100_000,
        "[]",
        "null",
        {},
        file_of(format="other"),
        file_of(version=2),
        file_of(title=5),
        file_of(runs={}),
        file_of(run_of(model=None)),
        file_of(run_of(messages="x")),
        file_of(run_of(messages=[{"role": "system", "parts": []}])),
        file_of(run_of(messages=[{"role": ["user"], "parts": []}])),
        file_of(run_of(messages=[{"role": "user"}])),
        file_of(run_of(messages=[{"role": "user", "parts": [{"text": "no kind"}]}])),
        file_of(run_of(messages=[{"role": "user", "parts": [{"kind": "text", "text": {}}]}])),
        file_of(run_of(messages=[{"role": "user", "parts": ["x"]}])),
        file_of(5),
    ],
)
def test_what_is_no_conversation_is_refused_with_a_sentence(value: Any, ada: User) -> None:
    answer = send(browser(ada), value)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["message"].endswith(".")
    assert not Conversation.all_rows.exists()


@pytest.mark.parametrize("wrong", [[], {}, 5, None])
def test_what_is_no_word_says_nothing(wrong: Any, ada: User) -> None:
    made = send(browser(ada), file_of(run_of(status=wrong, begins=wrong, left_out_of=wrong, parent_id=wrong)))
    run = Conversation.objects.get(pk=made.json()["id"]).runs.get()
    assert (run.status, run.begins, run.left_out_of) == (RunStatus.CANCELLED, "", "")


def test_what_a_file_claims_does_no_harm(ada: User) -> None:
    hostile = run_of(
        status="running",
        model="x" * 500,
        owner="eve",
        cost=1e9,
        messages=[
            {
                "id": "m",
                "role": "assistant",
                "parts": [
                    {"kind": "text", "text": "a\x00b\ud800"},
                    {
                        "kind": "media",
                        "medium": "image",
                        "name": "n",
                        "file": "11111111-1111-1111-1111-111111111111",
                    },
                    {"kind": "provider_item", "item": "x", "data": {"url": "https://elsewhere.example"}},
                    {"kind": "tool_call", "name": "write_note", "arguments": "{}", "id": "1"},
                    {"kind": "unheard of", "text": "no"},
                ],
            }
        ],
    )
    made = send(browser(ada), file_of(hostile, title="t" * 500, tools=["write_note"])).json()["id"]
    conversation = Conversation.objects.get(pk=made)
    run = conversation.runs.get()
    assert (run.owner_id, run.status, run.stop_reason) == (ada.pk, RunStatus.CANCELLED, StopReason.CANCELLED)
    assert (run.cost, conversation.tools, len(conversation.title), len(run.model)) == (None, None, 80, 200)
    parts = conversation.messages.get().parts
    assert {part["kind"] for part in parts} == {"text"}
    assert "\x00" not in str(parts)
    assert "elsewhere" not in str(parts)


def test_too_much_is_refused(ada: User, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "MOST_MESSAGES", 2)
    messages = run_of()["messages"] * 3
    assert send(browser(ada), file_of(run_of(messages=messages))).status_code == 400
    settings.RUNNEL_IMPORT_MB = 1
    huge = file_of(
        run_of(messages=[{"id": "m", "role": "user", "parts": [{"kind": "text", "text": "x" * 2**20}]}])
    )
    answer = send(browser(ada), huge)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not Conversation.all_rows.exists()


def test_values_without_number_are_not_parsed(ada: User) -> None:
    answer = browser(ada).post(IMPORT, b"[" * 1_000_001, content_type="application/json")
    assert answer.status_code == 400
    assert b"too long to be imported" in answer.content


def test_one_conversation_is_imported_at_a_time(ada: User) -> None:
    with portable_view._importing:
        answer = send(browser(ada), file_of(run_of()))
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "busy", "5")
    assert send(browser(ada), file_of(run_of())).status_code == 201
