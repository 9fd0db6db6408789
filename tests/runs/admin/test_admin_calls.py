"""What the admin tells of the functions that a run's models called, and of runs that wait for a decision."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from runs.admin import transcript, wording
from runs.admin.tool_calls import SENTENCES, render
from runs.models import Message, Run, ToolCall
from runs.models.tool_call import Decision, ToolCallStatus, digest_of
from runs.states import RunStatus
from tests.runs.admin.pages import HOSTILE, RUNS, log_events, staff_with, text_of
from tests.runs.rows import make_call, make_run, make_step, make_user, note_browser

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

NOTE = '{"text": "Buy milk"}'


@pytest.fixture
def owner():
    return make_user("ada")


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


@pytest.fixture
def step(owner):
    return make_step(make_run(owner=owner))


@pytest.fixture
def waiting(owner):
    """A run that waits for a decision about one call, whose sibling waits for that."""
    run = make_run(
        owner=owner,
        status=RunStatus.AWAITING_APPROVAL,
        awaiting_until=timezone.now() + timedelta(hours=2),
        tool_names=["write_note", "clock"],
        client_tools=[{"name": "open_door"}],
        budget={"tokens": 5000},
    )
    step = make_step(run)
    make_call(step, name="write_note", arguments=NOTE, requires_approval=True, status=ToolCallStatus.PENDING)
    make_call(step, position=2, status=ToolCallStatus.HELD)
    return run


def page_of(client, run):
    return text_of(client.get(f"{RUNS}{run.pk}/change/"))


def shown(call):
    return " ".join(render(call).split())


def test_every_status_has_its_sentence():
    assert set(SENTENCES) == set(ToolCallStatus)


@pytest.mark.parametrize("status", list(ToolCallStatus))
def test_a_call_shows_its_status_and_what_that_means(admin, step, status):
    make_call(step, status=status)
    page = page_of(admin, step.run)
    assert f"> {status} <" in page
    # As HTML has an apostrophe.
    assert SENTENCES[status].replace("'", "&#x27;") in page


def test_a_call_shows_with_what_by_whom_and_where(admin, step):
    second = make_step(step.run, index=2)
    make_call(step, name="clock", source="runs")
    make_call(second, name="search", arguments='{"q": 1}', source="mcp:library", requires_approval=True)
    page = page_of(admin, step.run)
    for fact in (
        "mcp:library",
        "{&quot;q&quot;: 1}",
        "step 2, call 1",
        "call_1",
        "<dd>yes</dd>",
        "<dd>no</dd>",
    ):
        assert fact in page
    assert page.index("step 1, call 1") < page.index("step 2, call 1")


def test_a_decision_tells_who_when_why_and_about_what(admin, step, owner):
    asked = timezone.now() - timedelta(minutes=5)
    call = make_call(
        step,
        name="write_note",
        arguments=NOTE,
        requires_approval=True,
        decision=Decision.EDITED,
        decided_by=owner,
        decided_digest=digest_of(NOTE),
        edited_arguments='{"text": "Buy oat milk"}',
        reason="We have some.",
        result="Written.",
    )
    ToolCall.objects.filter(pk=call.pk).update(
        created_at=asked,
        decided_at=asked + timedelta(seconds=90),
        started_at=asked + timedelta(seconds=91),
        finished_at=asked + timedelta(seconds=93.5),
    )
    page = page_of(admin, step.run)
    for fact in (
        "<dd>edited</dd>",
        "<dd>ada</dd>",
        wording.moment(asked + timedelta(seconds=90)),
        "<dd>1 min 30 s</dd>",
        "<dd>2.5 s</dd>",
        "We have some.",
        "Buy milk",
        "Buy oat milk",
        "Written.",
        f"{digest_of(NOTE)} (fits the arguments)",
    ):
        assert fact in page


def test_a_digest_of_something_else_is_pointed_out(step):
    call = make_call(step, arguments=NOTE, decision=Decision.APPROVED, decided_digest=digest_of("{}"))
    assert f"{digest_of('{}')} (DOES NOT FIT the arguments)" in shown(call)


def test_a_decision_outlives_whoever_made_it(step):
    leaver = make_user("eve")
    call = make_call(step, decision=Decision.DENIED, decided_by=leaver, status=ToolCallStatus.DENIED)
    leaver.delete()
    call.refresh_from_db()
    assert f"<dt>Decided by</dt><dd>{wording.UNKNOWN}</dd>" in shown(call)


def test_what_did_not_happen_is_left_out(step):
    text = shown(make_call(step))
    for title in ("Decision", "Reason", "Digest", "Began", "Took", "executed instead", "Note,", "Result"):
        assert title not in text


def test_an_error_and_its_story_are_told_apart_from_a_result(step):
    failed = make_call(
        step,
        status=ToolCallStatus.FAILED,
        result="The tool failed.",
        is_error=True,
        note="Traceback: ZeroDivisionError",
    )
    text = shown(failed)
    assert "Error, as the model reads it" in text
    assert ">Result<" not in text
    assert "ZeroDivisionError" in text


def test_nothing_that_a_model_or_a_tool_says_is_html(admin, step, owner):
    make_call(
        step,
        name=HOSTILE,
        arguments=HOSTILE,
        result=HOSTILE,
        note=HOSTILE,
        reason=HOSTILE,
        source=HOSTILE,
        decision=Decision.EDITED,
        edited_arguments=HOSTILE,
        decided_by=owner,
    )
    page = page_of(admin, step.run)
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;") >= 7


def test_a_result_of_any_length_is_shown_to_its_limit(admin, step):
    make_call(step, result="x" * 100_000)
    page = page_of(admin, step.run)
    assert "and 80,000 more characters" in page
    assert len(page) < 150_000


def test_whoever_may_see_runs_but_no_calls_sees_none(client, step):
    make_call(step, note="Traceback")
    assert "Traceback" not in page_of(staff_with(client, "view_run", "view_step"), step.run)


def test_nobody_edits_a_call(admin, step):
    make_call(step, result="Written.")
    assert admin.post(f"{RUNS}{step.run_id}/change/", {"tool_calls-0-result": "Else"}).status_code == 403
    assert not any(word in page_of(admin, step.run) for word in ('name="tool_calls-0-result"', "Save"))


def test_a_run_asks_no_more_for_more_calls(admin, owner, django_assert_max_num_queries):
    run = make_run(owner=owner)
    for index in range(1, 6):
        step = make_step(run, index=index)
        for position in range(1, 5):
            make_call(step, position=position, decision=Decision.APPROVED, decided_by=owner)
    note_browser(admin)
    with django_assert_max_num_queries(15):
        page_of(admin, run)


class TestWaiting:
    def test_the_list_is_narrowed_to_runs_that_wait_and_says_until_when(self, admin, owner, waiting):
        other = make_run(owner=owner)
        assert "?status__exact=awaiting_approval" in text_of(admin.get(RUNS))
        page = text_of(admin.get(RUNS, {"status__exact": "awaiting_approval"}))
        assert str(waiting.pk) in page
        assert str(other.pk) not in page
        assert f"until {wording.moment(waiting.awaiting_until)}" in page

    def test_a_run_says_what_it_waits_for_and_what_it_may_use(self, admin, waiting):
        page = page_of(admin, waiting)
        assert "What it waits for" in page
        for fact in (wording.moment(waiting.awaiting_until), "write_note, clock", "open_door", "5000 tokens"):
            assert fact in page

    def test_without_a_limit_it_waits_for_somebody(self, admin, waiting):
        Run.objects.update(awaiting_until=None)
        assert "somebody decides" in page_of(admin, waiting)

    def test_one_that_does_not_wait_says_nothing_of_it(self, admin, step):
        assert "What it waits for" not in page_of(admin, step.run)

    def test_it_is_cancelled_as_any_other(self, admin, waiting):
        chosen = {"action": "cancel_selected", "_selected_action": [str(waiting.pk)]}
        page = text_of(admin.post(RUNS, chosen, follow=True))
        assert "Asked to stop: 1. Had already ended: 0." in page
        waiting.refresh_from_db()
        assert waiting.cancelled_by == "admin"
        assert waiting.cancel_requested_at is not None

    def test_who_may_only_look_cancels_none(self, client, waiting):
        looking = staff_with(client, "view_run")
        looking.post(RUNS, {"action": "cancel_selected", "_selected_action": [str(waiting.pk)]})
        waiting.refresh_from_db()
        assert waiting.cancel_requested_at is None


class TestTranscript:
    def say(self, run, position, role, *parts):
        Message.objects.create(
            conversation=run.conversation, run=run, position=position, role=role, parts=list(parts)
        )

    def call_and_answer(self, run, *, is_error=False):
        call = {"kind": "tool_call", "id": "c1", "name": "clock", "arguments": "{}", "complete": True}
        answer = {"kind": "tool_result", "call_id": "c1", "name": "clock", "content": HOSTILE}
        self.say(run, 1, "user", {"kind": "text", "text": "When?"})
        self.say(run, 2, "assistant", call)
        self.say(run, 3, "tool", answer | {"is_error": is_error})

    @pytest.mark.parametrize(("is_error", "title"), [(False, "Result of clock"), (True, "Error of clock")])
    def test_it_shows_results_after_the_calls(self, owner, is_error, title):
        run = make_run(owner=owner)
        self.call_and_answer(run, is_error=is_error)
        text = transcript.render(run)
        assert text.index("Call of clock") < text.index(title)
        assert HOSTILE not in text

    def test_a_later_step_shows_what_it_has_said_so_far(self, owner):
        run = make_run(owner=owner, status=RunStatus.RUNNING)
        self.call_and_answer(run)
        first = {"type": "TEXT_MESSAGE_CONTENT", "messageId": str(run.pk), "delta": "Let me see."}
        opened = {"type": "TEXT_MESSAGE_START", "messageId": str(run.pk), "role": "assistant"}
        ended = {"type": "STEP_FINISHED", "stepName": "step 1"}
        log_events(
            run,
            {"type": "STEP_STARTED", "stepName": "step 1"},
            opened,
            first,
            ended,
            {"type": "STEP_STARTED", "stepName": "step 2"},
            opened,
            first | {"delta": "It is noon"},
        )
        text = transcript.render(run)
        assert "It is noon" in text
        assert "Let me see." not in text
        assert text.count("so far") == 1

    def test_a_step_that_has_ended_is_not_told_twice(self, owner, waiting):
        said = {"type": "TEXT_MESSAGE_CONTENT", "messageId": str(waiting.pk), "delta": "May I?"}
        log_events(
            waiting,
            {"type": "STEP_STARTED", "stepName": "step 1"},
            {"type": "TEXT_MESSAGE_START", "messageId": str(waiting.pk), "role": "assistant"},
            said,
            {"type": "STEP_FINISHED", "stepName": "step 1"},
        )
        self.say(waiting, 1, "assistant", {"kind": "text", "text": "May I?"})
        text = transcript.render(waiting)
        assert text.count("May I?") == 1
        assert "so far" not in text


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (None, "", wording.UNKNOWN),
        (Decimal(0), "exact", "$0"),
        (Decimal("0.000020000"), "exact", "$0.00002"),
        (Decimal("1.500000000"), "at_least", "≥\N{NO-BREAK SPACE}$1.5"),
        (Decimal(1200), "exact", "$1,200"),
        (Decimal("0.01"), "about", "≈\N{NO-BREAK SPACE}$0.01"),
        (Decimal("0.01"), "", "$0.01"),
    ],
)
def test_money_is_said_as_far_as_it_is_known(value, kind, expected):
    assert wording.dollars(value, kind) == expected


def test_a_run_and_its_steps_say_what_they_cost(admin, owner):
    run = make_run(owner=owner, cost=Decimal("0.0125"))
    make_step(run, cost=Decimal("0.0075"))
    page = page_of(admin, run)
    assert "$0.0125" in page
    assert "$0.0075" in page
    assert "$0.0125" in admin.get(RUNS).text
