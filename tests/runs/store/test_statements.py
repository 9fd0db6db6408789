"""Prepared statements store what the ORM would store."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from uuid6 import uuid7

from runs.models import Conversation, Message, Run, Step
from runs.states import RunStatus
from runs.store import messages, statements
from tests.runs.conftest import Person
from tests.runs.rows import make_run, make_step

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_insert_stores_every_column_as_the_orm_does(ada: Person) -> None:
    columns = {
        "owner_id": ada.user.pk,
        "conversation_id": Conversation.objects.create(owner=ada.user, title="On rivers").pk,
        "model": "emulator/echo",
        "options": {"stop_sequences": ["é\n", "quote \" ' %s"], "deep": {"none": None}},
        "input": [{"id": "m", "role": "user", "content": "hi 100% \U0001f600"}],
        "request_digest": "d" * 64,
        "active_seconds": 0.1,
        "status": RunStatus.COMPLETED,
        "cost": Decimal("0.000000001"),
        "lease_until": timezone.now(),
    }
    one = Run.objects.create(**columns)
    two = Run(**columns)
    with CaptureQueriesContext(connection) as queries:
        assert statements.insert([two]).execute() == 1
    assert len(queries) == 1
    stored = [Run.objects.values().get(pk=run.pk) for run in (one, two)]
    for row in stored:
        del row["id"], row["created_at"]
    assert stored[0] == stored[1]
    assert Run.objects.get(pk=two.pk).created_at >= one.created_at


def test_a_row_that_exists_is_left_alone_where_that_is_said(ada: Person) -> None:
    run = make_run(owner=ada.user, title="On rivers")
    again = Run(pk=run.pk, owner=ada.user, conversation=run.conversation, model="other/model")
    assert statements.insert([again], or_nothing=True).execute() == 0
    assert Run.objects.get(pk=run.pk).model == run.model


def test_no_row_is_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert statements.insert([]).execute() == 0
    assert not queries.captured_queries


def test_an_update_changes_the_named_row_if_its_condition_holds(ada: Person) -> None:
    step, beside = (make_step(make_run(owner=ada.user)) for _ in range(2))
    columns = {"error_code": "it's 100%", "cost": Decimal("1.5"), "finished_at": None}
    refused = statements.update(Step, columns, key=step.pk, condition='"model" = %s', values=["nothing"])
    assert refused.execute() == 0
    assert statements.update(Step, columns, key=step.pk).execute() == 1
    step.refresh_from_db()
    assert {name: getattr(step, name) for name in columns} == columns
    assert Step.objects.get(pk=beside.pk).error_code == ""


def test_messages_are_numbered_within_their_conversation(ada: Person) -> None:
    first, other = make_run(owner=ada.user), make_run(owner=ada.user)
    second = Run.objects.create(owner=ada.user, conversation=first.conversation, model="emulator/echo")
    for run, count in ((first, 2), (other, 1), (second, 3)):
        rows = [Message(id=uuid7(), run_id=run.pk, role="user", parts=[]) for _ in range(count)]
        assert messages.inserting(rows).execute() in {count, 1}
    stored = Message.objects.filter(conversation=first.conversation).order_by("position")
    assert list(stored.values_list("run_id", "position")) == [
        (first.pk, 1),
        (first.pk, 2),
        (second.pk, 3),
        (second.pk, 4),
        (second.pk, 5),
    ]
    assert Message.objects.get(run=other).position == 1
