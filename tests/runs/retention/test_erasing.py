"""A user is erased: no word and no name is left, and the figures are the same."""

from io import StringIO
from typing import Any

import orjson
import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from providers.packing.compression import compressed
from runs.log.packing import pack
from runs.log.rows import read_events
from runs.models import ApiToken, AuditEntry, Conversation, File, Message, Run, RunEvent
from runs.models.audit import Actor, AuditAction
from runs.retention import contents
from runs.states import RunStatus
from tests.runs.retention.test_pruning import SECRET, everything_stored, figures, make_full_run, stored_names
from tests.runs.rows import make_run, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ada() -> Any:
    return make_user("ada", first_name="Ada", last_name="Lovelace")


def erase(name: str = "ada", *options: str) -> str:
    said = StringIO()
    call_command("erase_user", name, *options, stdout=said)
    return said.getvalue()


def test_nothing_of_a_user_is_left_but_what_they_used(ada: Any) -> None:
    of_others = stored_names()
    make_full_run(ada, days=3)
    make_full_run(ada, days=300)
    upload = File(owner=ada, name="cv.txt", mime_type="text/plain", size=1)
    upload.content.save("cv.txt", ContentFile("x"), save=False)
    upload.save()
    ApiToken.issue(ada, "laptop")
    ada.groups.add(Group.objects.create(name="poets"))
    LogEntry.objects.create(
        user=make_user("root"),
        content_type=ContentType.objects.get_for_model(type(ada)),
        object_id=str(ada.pk),
        object_repr="ada",
        action_flag=CHANGE,
    )
    whole, (by_day, by_model, _) = figures()
    said = erase("ada", "--yes")
    name = f"erased-{ada.pk}"
    assert said.endswith(f"ada is erased. The statistics call them {name}.\n")
    after, (days, models, users) = figures()
    assert (after, days, models) == (whole, by_day, by_model)
    assert set(users) == {name}
    assert SECRET[:80] not in everything_stored()
    assert stored_names() == of_others
    assert not ApiToken.objects.exists()
    ada.refresh_from_db()
    facts = str({key: str(value) for key, value in vars(ada).items()}).lower()
    assert "ada" not in facts
    assert "lovelace" not in facts
    assert (ada.is_active, ada.has_usable_password(), ada.groups.count()) == (False, False, 0)
    assert LogEntry.objects.get().object_repr == name


def test_the_audit_log_keeps_what_was_done_and_not_by_whom(ada: Any) -> None:
    ApiToken.issue(ada, "adas laptop")
    actor = Actor(user_id=ada.pk, name="ada", address="203.0.113.7")
    AuditEntry.note(actor, AuditAction.CANCELLED, "runs.run", "1")
    AuditEntry.note(Actor(name="root"), AuditAction.ADDED, "auth.group", "1", "poets")
    before = AuditEntry.objects.count()
    erase("ada", "--yes")
    rows = AuditEntry.objects.order_by("pk").values_list("actor_name", "address", "summary")
    assert len(rows) > before
    assert "ada" not in str(list(rows))
    assert "203.0.113.7" not in str(list(rows))
    assert ("root", "", "poets") in rows


def test_other_people_keep_everything(ada: Any) -> None:
    make_full_run(ada, days=3)
    eve = make_user("eve")
    make_full_run(eve, days=3)
    erase("ada", "--yes")
    assert Conversation.objects.get().owner == eve
    assert Message.objects.get().text == SECRET
    assert File.objects.get().owner == eve


@pytest.mark.parametrize("is_compact", [False, True])
def test_the_log_of_an_answer_that_the_user_stopped_names_them_no_more(ada: Any, is_compact: bool) -> None:
    run = make_run(owner=make_user("eve"), status=RunStatus.CANCELLED, cancelled_by_name='a"da')
    ada.username = 'a"da'
    ada.save()
    last = orjson.dumps({"type": "RUN_FINISHED", "metadata": {"cancelled_by_name": 'a"da', "cost": None}})
    events = ['{"type":"RUN_STARTED"}', last.decode()]
    packed = pack(events)[0].encode()
    RunEvent.objects.create(
        run=run, first_seq=1, last_seq=2, packed=compressed(packed) if is_compact else packed
    )
    erase('a"da', "--yes")
    name = f"erased-{ada.pk}"
    assert list(read_events(run.pk)) == [events[0], events[1].replace('a\\"da', name)]
    assert Run.objects.get(pk=run.pk).cancelled_by_name == name


def test_a_dry_run_only_counts(ada: Any) -> None:
    make_full_run(ada, days=3)
    before = everything_stored()
    said = erase("ada", "--dry-run")
    assert ("1 conversations" in said, "1 messages" in said, "1 files" in said) == (True, True, True)
    assert everything_stored() == before


def test_it_asks_for_the_name(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    make_full_run(ada, days=3)
    before = everything_stored()
    monkeypatch.setattr("builtins.input", lambda question: "yes")
    with pytest.raises(CommandError, match="Nothing was erased"):
        erase()
    assert everything_stored() == before
    monkeypatch.setattr("builtins.input", lambda question: "ada")
    erase()
    assert not Conversation.objects.exists()


def test_active_runs_must_end_first(ada: Any) -> None:
    make_run(owner=ada, status=RunStatus.RUNNING)
    with pytest.raises(CommandError, match="active runs"):
        erase("ada", "--yes")
    ada.refresh_from_db()
    assert (ada.username, Run.objects.get().status) == ("ada", RunStatus.RUNNING)


def test_an_interrupted_erasure_goes_on_under_the_same_name(
    ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full_run(ada, days=3)
    with monkeypatch.context() as patch:
        patch.setattr(contents, "empty", interrupt)
        with pytest.raises(KeyboardInterrupt):
            erase("ada", "--yes")
    ada.refresh_from_db()
    assert (ada.is_active, ada.username) == (False, "ada")
    assert erase("ada", "--yes").endswith(f"The statistics call them erased-{ada.pk}.\n")
    assert SECRET[:80] not in everything_stored()
    assert "0 messages" in erase(f"erased-{ada.pk}", "--yes")


def interrupt(pace: Any) -> None:
    raise KeyboardInterrupt


def test_a_run_that_began_meanwhile_is_not_passed_over(ada: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hide = contents.erase

    def begin(conversations: Any, pace: Any) -> None:
        make_run(owner=ada, status=RunStatus.RUNNING)
        hide(conversations, pace)

    with monkeypatch.context() as patch:
        patch.setattr(contents, "erase", begin)
        with pytest.raises(CommandError, match="active runs"):
            erase("ada", "--yes")
    Run.objects.update(status=RunStatus.CANCELLED)
    erase("ada", "--yes")
    assert not Conversation.objects.exists()


def test_failed_sign_ins_of_the_name_are_forgotten(ada: Any) -> None:
    for name in ("ada", "eve"):
        AccessAttempt.objects.create(username=name, ip_address="203.0.113.7", failures_since_start=1)
    erase("ada", "--yes")
    assert AccessAttempt.objects.get().username == "eve"


def test_an_unknown_name_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="no user named 'nobody'"):
        erase("nobody", "--yes")
