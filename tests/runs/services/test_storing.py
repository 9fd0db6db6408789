"""A start that was checked is stored only if what it was checked against still holds."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from providers import catalog
from runs import errors, limits
from runs.engine.spec import WorkerSettings
from runs.models import Conversation, Message, Run
from runs.services import new_run, storing
from runs.services.new_run import PreparedStart, StartRequest
from tests.runs.rows import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Any:
    return make_user("ada")


def prepared(owner: Any, content: Any = "hi") -> PreparedStart:
    request = StartRequest(
        run_id=uuid4(),
        conversation_id=None,
        model="emulator/echo",
        messages=[{"id": "m", "role": "user", "content": content}],
    )
    return new_run.prepare(owner.pk, request, (catalog.resolve(request.model),))


def store(start: PreparedStart) -> None:
    worker = WorkerSettings(worker="test", lease=10.0, run_timeout=10.0, approval_timeout=10.0)
    with transaction.atomic():
        storing.store(start, None, worker, limits.of(start.owner_id))


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
