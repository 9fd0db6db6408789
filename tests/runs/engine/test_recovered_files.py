"""Pictures of a step whose worker died: they stand in the stored message, where viewers saw them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers.types import ProviderItemPart
from runs.admin import transcript
from runs.engine import recovery
from runs.log import agui
from runs.models import Message
from runs.models.file import storage
from runs.store import history, made, media
from tests.runs.conftest import Person
from tests.runs.engine.test_recovery import MESSAGE_ID, STARTED, STEP, TEXT, orphan

pytestmark = pytest.mark.django_db(transaction=True)

type Json = dict[str, Any]

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
MORE: Json = {"type": "TEXT_MESSAGE_CONTENT", "messageId": MESSAGE_ID, "delta": " and more"}


@pytest.fixture(autouse=True)
def folder() -> Iterator[None]:
    """Leave nothing in the storage, which all tests use."""
    yield
    shutil.rmtree(Path(storage().path("")), ignore_errors=True)


def drawn() -> tuple[made.MadeFile, Json]:
    """Store a picture's bytes. Return the file, and the event that shows it."""
    file = made.save_content(PICTURE, mime_type="image/png")
    data = {"mimeType": "image/png", "data": file.url}
    return file, agui.provider_item("inlineData", data, [file.shown()])


def recovered(ada: Person, *events: Json, file: made.MadeFile | None = None) -> Message:
    run = orphan(ada, STARTED, STEP, *events)
    if file is not None:
        made.add_row(file, owner_id=ada.user.id, run_id=run.pk)
    assert recovery.reap(everything=True) == 1
    return Message.objects.get(run_id=run.pk, role="assistant")


def test_a_picture_stands_between_the_words_that_viewers_saw_around_it(ada: Person) -> None:
    file, shown = drawn()
    message = recovered(ada, *TEXT, shown, MORE, file=file)
    assert [part["kind"] for part in message.parts] == ["text", "provider_item", "text"]
    before, item, after = message.parts
    assert (before["text"], after["text"]) == ("The rest of this 😀", " and more")
    assert item["data"]["data"] == file.url
    assert item["files"] == [file.shown()]
    assert message.pk == UUID(MESSAGE_ID)


def test_an_answer_that_was_only_a_picture_is_kept(ada: Person) -> None:
    file, shown = drawn()
    message = recovered(ada, shown, file=file)
    assert [part["files"] for part in message.parts] == [[file.shown()]]
    # The conversation goes on.
    [answer] = history.of_branch(message.run_id)
    [part] = answer.parts
    assert isinstance(part, ProviderItemPart)
    assert media.files_of(message.parts[0]) == [file.id]


def test_a_call_that_grows_around_a_picture_stays_one_call(ada: Person) -> None:
    file, shown = drawn()
    call = {"toolCallId": "c1"}
    message = recovered(
        ada,
        {"type": "TOOL_CALL_START", **call, "toolCallName": "clock", "parentMessageId": str(uuid4())},
        {"type": "TOOL_CALL_ARGS", **call, "delta": '{"a"'},
        shown,
        {"type": "TOOL_CALL_ARGS", **call, "delta": ": 1}"},
        {"type": "TOOL_CALL_END", **call},
        file=file,
    )
    assert message.parts[0]["arguments"] == '{"a": 1}'
    assert message.parts[0]["complete"] is True
    assert "files" in message.parts[1]


def test_an_item_without_a_file_is_kept_and_cuts_no_text_in_two(ada: Person) -> None:
    message = recovered(ada, *TEXT, agui.provider_item("citation", {"page": 3}), MORE)
    assert [part["kind"] for part in message.parts] == ["text", "provider_item"]
    assert message.parts[0]["text"] == "The rest of this 😀 and more"
    assert message.parts[1] == {"kind": "provider_item", "item": "citation", "data": {"page": 3}}


def test_the_admin_shows_the_picture_of_a_step_that_has_not_ended(ada: Person) -> None:
    file, shown = drawn()
    run = orphan(ada, STARTED, STEP, *TEXT, shown)
    assert file.url in transcript.render(run)
