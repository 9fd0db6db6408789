"""A start that was checked is stored only if what it was checked against still holds."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone

from providers import catalog
from runs import errors, limits
from runs.engine.spec import WorkerSettings
from runs.models import Conversation, Message, Run
from runs.services import new_run, storing
from runs.services.new_run import PreparedStart, StartRequest
from runs.store import files
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


def prepared(owner: Any, content: Any = "hi", **fields: Any) -> PreparedStart:
    values: dict[str, Any] = {
        "run_id": uuid4(),
        "conversation_id": None,
        "model": "emulator/echo",
        "messages": [{"id": "m", "role": "user", "content": content}],
    }
    request = StartRequest(**values | fields)
    return new_run.prepare(owner.pk, request, (catalog.resolve(request.model),))


def store(start: PreparedStart) -> None:
    worker = WorkerSettings(worker="test", lease=10.0, run_timeout=10.0, approval_timeout=10.0)
    with transaction.atomic():
        storing.store(start, None, worker, limits.of(start.owner_id))


def test_a_file_that_was_deleted_meanwhile_is_named_as_the_reason(ada: Any) -> None:
    file = files.store(ada.pk, SimpleUploadedFile("a.txt", b"words"), name="a.txt")
    start = prepared(ada, [{"type": "document", "source": {"type": "file", "value": str(file.pk)}}])
    assert start.uploads == (file,)
    file.delete()
    with pytest.raises(errors.NoSuchFile):
        store(start)
    assert not Conversation.objects.exists()


def test_a_price_that_is_not_known_is_told_with_who_has_limited_the_cost(ada: Any) -> None:
    for limited, advice in (("budget", "give the budget in tokens"), ("allowance", "an admin has limited")):
        with pytest.raises(errors.Unsupported, match=advice):
            prepared(ada, model="emulator/hello", **{limited: {"cost": 1.0}})


def test_an_account_that_was_closed_meanwhile_takes_no_run(ada: Any) -> None:
    start = prepared(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(errors.Forbidden, match="closed"):
        store(start)
    assert not Run.objects.exists()
    assert not Conversation.objects.exists()
    User.objects.filter(pk=ada.pk).update(is_active=True)
    store(start)
    assert Message.objects.get().text == "hi"


def test_a_run_in_the_way_that_ends_before_it_can_be_named_is_no_reason(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(ada)
    store(first)
    why_not = storing._why_not

    def end_first(*args: Any) -> Exception | None:
        Run.objects.filter(pk=first.run.pk).update(
            status="completed", lease_until=None, finished_at=timezone.now()
        )
        return why_not(*args)

    monkeypatch.setattr(storing, "_why_not", end_first)
    second = prepared(ada, conversation_id=first.conversation.pk)
    store(second)
    assert Run.objects.filter(pk=second.run.pk).exists()
