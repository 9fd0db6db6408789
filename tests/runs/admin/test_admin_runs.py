"""The admin's pages of runs."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from runs.models import Message, Run, Step, ToolCall
from runs.states import RunStatus
from tests.runs.admin.pages import (
    CONVERSATIONS,
    HOSTILE,
    RUNS,
    TRACES,
    log_events,
    make_trace,
    staff_with,
    text_of,
)
from tests.runs.rows import make_run, make_step, make_user, note_browser

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


class TestRuns:
    def test_the_list_shows_how_a_run_ended_and_what_it_used(self, admin, owner):
        make_run(
            owner=owner,
            title="On rivers",
            model="openai/gpt",
            stop_reason="end_turn",
            input_tokens=1234,
            output_tokens=56,
            usage_source="reported",
            seconds=75,
        )
        page = text_of(admin.get(RUNS))
        for fact in ("On rivers", "ada", "openai/gpt", "completed", "1,234", "56", "1 min 15 s"):
            assert fact in page

    def test_the_list_tells_a_guess_from_a_report_and_unknown_from_zero(self, admin, owner):
        make_run(
            owner=owner,
            input_tokens=77,
            output_tokens=0,
            estimated_input_tokens=77,
            estimated_output_tokens=0,
            usage_source="estimated",
        )
        make_run(owner=owner, usage_source="partial")
        page = admin.get(RUNS).content.decode()
        assert "≈\N{NO-BREAK SPACE}77" in page
        assert "≈\N{NO-BREAK SPACE}0" in page
        assert page.count("–</td>") >= 2

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"q": "rivers"}, {"first"}),
            ({"q": "BOB"}, {"second"}),
            ({"q": "opus"}, {"second"}),
            ({"status__exact": "failed"}, {"second"}),
            ({"stop_reason__exact": "end_turn"}, {"first"}),
            ({"usage_source__exact": "reported"}, {"first"}),
            ({"model": "openai/gpt"}, {"first"}),
            ({"q": "nothing like it"}, set()),
        ],
    )
    def test_it_searches_and_filters(self, admin, owner, query, found):
        runs = {
            "first": make_run(
                owner=owner, model="openai/gpt", stop_reason="end_turn", usage_source="reported"
            ),
            "second": make_run(
                owner=make_user("bob"),
                title="On hills",
                model="anthropic/opus",
                status=RunStatus.FAILED,
                stop_reason="llm_api_error",
            ),
        }
        page = text_of(admin.get(RUNS, query))
        assert {name for name, run in runs.items() if str(run.pk) in page} == found

    def test_it_finds_a_run_by_its_id(self, admin, owner):
        wanted, other = make_run(owner=owner), make_run(owner=owner)
        page = text_of(admin.get(RUNS, {"q": str(wanted.pk)}))
        assert f"{RUNS}{wanted.pk}/change/" in page
        assert f"{RUNS}{other.pk}/change/" not in page

    def test_a_run_shows_steps_calls_and_what_was_said(self, admin, owner):
        run = make_run(
            owner=owner, status=RunStatus.FAILED, error_code="llm_timeout", error_message="Too slow."
        )
        step = make_step(
            run, wait_ms=420, error_code="llm_timeout", model_served="gpt-served", reasoning_tokens=31
        )
        ToolCall.objects.create(
            run=run, step=step, call_id="call_9", name="look_up", arguments='{"q": 1}', status="unanswered"
        )
        parts = [{"kind": "reasoning", "text": "Well."}, {"kind": "text", "text": HOSTILE}]
        Message.objects.create(
            conversation=run.conversation, run=run, position=1, role="assistant", parts=parts
        )
        page = text_of(admin.get(f"{RUNS}{run.pk}/change/"))
        for fact in ("Too slow.", "gpt-served", "31", "420 ms", "look_up", "call_9", "Well."):
            assert fact in page
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page

    def test_a_run_leads_to_its_traces_once_it_has_some(self, admin, owner):
        run = make_run(owner=owner, status=RunStatus.RUNNING)
        address = f"{RUNS}{run.pk}/change/"
        page = text_of(admin.get(address))
        assert "No traces yet" in page
        assert f"{TRACES}?run_id={run.pk}" not in page
        make_trace(run)
        assert f'href="{TRACES}?run_id={run.pk}">1 trace</a>' in text_of(admin.get(address))
        make_trace(run)
        assert "2 traces</a>" in text_of(admin.get(address))

    def test_it_says_statuses_and_stop_reasons_as_the_protocol_does(self, admin, owner):
        run = make_run(owner=owner, stop_reason="end_turn")
        make_run(owner=owner, status=RunStatus.FAILED, stop_reason="llm_api_error")
        conversation = f"{CONVERSATIONS}{run.conversation_id}/change/"
        for address in (RUNS, f"{RUNS}{run.pk}/change/", conversation):
            page = text_of(admin.get(address))
            assert "end_turn" in page
            assert "End Turn" not in page
        filters = text_of(admin.get(RUNS))
        for stored in ("llm_api_error", "awaiting_approval", "max_tokens_exceeded"):
            assert f'title="{stored}"' in filters
        assert "Llm Api Error" not in filters

    def test_a_run_is_headed_by_its_model_as_it_is_spelled(self, admin, owner):
        run = make_run(owner=owner, model="emulator/long")
        page = text_of(admin.get(f"{RUNS}{run.pk}/change/"))
        assert "emulator/long completed" in page
        assert "Emulator/long" not in page

    def test_a_running_run_shows_what_it_has_said_so_far(self, admin, owner):
        run = make_run(owner=owner, status=RunStatus.RUNNING)
        make_step(run, first_byte_at=None)
        Message.objects.create(
            conversation=run.conversation,
            run=run,
            position=1,
            role="user",
            parts=[{"kind": "text", "text": "Hi?"}],
        )
        said = str(uuid4())
        log_events(
            run,
            {"type": "TEXT_MESSAGE_START", "messageId": said, "role": "assistant"},
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": said, "delta": "Once upon "},
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": said, "delta": "<b>a time"},
        )
        page = text_of(admin.get(f"{RUNS}{run.pk}/change/"))
        assert "assistant, so far" in page
        assert "Once upon &lt;b&gt;a time" in page

    def test_an_answer_that_is_stored_is_shown_once(self, admin, owner):
        run = make_run(owner=owner)
        said = str(uuid4())
        log_events(
            run,
            {"type": "TEXT_MESSAGE_START", "messageId": said, "role": "assistant"},
            {"type": "TEXT_MESSAGE_CONTENT", "messageId": said, "delta": "Once upon a time"},
        )
        parts = [{"kind": "text", "text": "Once upon a time"}]
        Message.objects.create(
            conversation=run.conversation, run=run, position=1, role="assistant", parts=parts
        )
        assert text_of(admin.get(f"{RUNS}{run.pk}/change/")).count("Once upon a time") == 1

    def test_it_judges_usage_only_of_what_has_ended(self, admin, owner):
        live = make_run(owner=owner, status=RunStatus.RUNNING)
        Step.objects.filter(pk=make_step(live).pk).update(finished_at=None)
        page = text_of(admin.get(f"{RUNS}{live.pk}/change/"))
        assert page.count("still running") == 2
        assert "partial" not in page

        ended = make_run(owner=owner)
        make_step(ended)
        page = text_of(admin.get(f"{RUNS}{ended.pk}/change/"))
        assert "still running" not in page
        assert page.count("partial") == 2

    def test_a_run_whose_worker_died_has_no_duration(self, admin, owner):
        run = make_run(owner=owner, status=RunStatus.FAILED, stop_reason="worker_lost", seconds=5025)
        step = make_step(run, error_code="worker_lost")
        Step.objects.filter(pk=step.pk).update(finished_at=run.finished_at)
        for address in (RUNS, f"{RUNS}{run.pk}/change/"):
            page = text_of(admin.get(address))
            assert "worker_lost" in page
            assert "1 h 23 min" not in page

    def test_nobody_edits_a_run(self, admin, owner):
        run = make_run(owner=owner)
        assert admin.get(f"{RUNS}add/").status_code == 403
        assert admin.get(f"{RUNS}{run.pk}/delete/").status_code == 403
        assert admin.post(f"{RUNS}{run.pk}/change/", {"model": "else/where"}).status_code == 403
        run.refresh_from_db()
        assert run.model == "emulator/hello"

    def test_cancelling_stores_the_intent_and_says_who_had_already_ended(self, admin, owner):
        live = make_run(owner=owner, status=RunStatus.RUNNING)
        ended = make_run(owner=owner, status=RunStatus.COMPLETED)
        chosen = {"action": "cancel_selected", "_selected_action": [str(live.pk), str(ended.pk)]}
        page = text_of(admin.post(RUNS, chosen, follow=True))
        assert "Asked to stop: 1. Had already ended: 1." in page
        live.refresh_from_db()
        ended.refresh_from_db()
        assert live.cancel_requested_at is not None
        assert live.cancelled_by == "admin"
        assert (ended.status, ended.cancel_requested_at) == (RunStatus.COMPLETED, None)

    def test_a_run_that_is_deleted_while_it_is_cancelled_had_ended(self, admin, owner):
        live = make_run(owner=owner, status=RunStatus.RUNNING)

        def delete_before_it_is_looked_up(execute, sql, *rest):
            if sql.startswith('SELECT "runs_run"."status"') and Run.objects.count():
                live.conversation.delete()
            return execute(sql, *rest)

        chosen = {"action": "cancel_selected", "_selected_action": [str(live.pk)]}
        with connection.execute_wrapper(delete_before_it_is_looked_up):
            page = text_of(admin.post(RUNS, chosen, follow=True))
        assert not Run.objects.exists()
        assert "Asked to stop: 0. Had already ended: 1." in page

    def test_cancelling_takes_permission_to_change_runs(self, client, owner):
        live = make_run(owner=owner, status=RunStatus.RUNNING)
        chosen = {"action": "cancel_selected", "_selected_action": [str(live.pk)]}
        assert "cancel_selected" not in text_of(staff_with(client, "view_run").get(RUNS))
        client.post(RUNS, chosen)
        live.refresh_from_db()
        assert live.cancel_requested_at is None

        permitted = make_user("guard", is_staff=True)
        permitted.user_permissions.set(Permission.objects.filter(codename__in=["view_run", "change_run"]))
        client.force_login(permitted)
        client.post(RUNS, chosen)
        live.refresh_from_db()
        assert live.cancelled_by == "admin"

    def test_the_list_asks_no_more_for_more_runs(self, admin, owner, django_assert_max_num_queries):
        for _ in range(30):
            make_step(make_run(owner=owner, input_tokens=1))
        note_browser(admin)
        with django_assert_max_num_queries(14):
            admin.get(RUNS)

    def test_a_run_asks_no_more_for_more_steps(self, admin, owner, django_assert_max_num_queries):
        run = make_run(owner=owner)
        for index in range(1, 21):
            step = make_step(run, index=index)
            ToolCall.objects.create(run=run, step=step, call_id=f"c{index}", name="f", status="unanswered")
        note_browser(admin)
        with django_assert_max_num_queries(15):
            admin.get(f"{RUNS}{run.pk}/change/")
