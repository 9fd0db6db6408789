import json
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from providers.models import ProviderTrace
from providers.types.trace import TraceStatus
from runs.admin import chart
from runs.log.packing import pack
from runs.models import ApiToken, Conversation, Message, Note, Run, RunEvent, Step, ToolCall
from runs.states import RunStatus
from runs.usage.statistics import Figures
from tests.runs.rows import make_run, make_step, make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

RUNS = "/admin/runs/run/"
CONVERSATIONS = "/admin/runs/conversation/"
TRACES = "/admin/providers/providertrace/"
USAGE = "/admin/usage/"
PAGES = (
    RUNS,
    CONVERSATIONS,
    TRACES,
    USAGE,
    "/admin/providers/provider/",
    "/admin/runs/apitoken/",
    "/admin/auth/user/",
    "/admin/auth/group/",
)

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def owner():
    return make_user("ada")


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client


def staff_with(client, *permissions):
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def make_trace(run, **columns):
    begin = run.created_at
    defaults = {
        "run_id": run.pk,
        "step_id": uuid4(),
        "provider": "anthropic",
        "wire": "anthropic-messages",
        "model": "opus",
        "model_served": "opus-20260101",
        "url": "api.example.org/v1/messages",
        "status": TraceStatus.COMPLETED.value,
        "http_status": 200,
        "upstream_request_id": "req_123",
        "unpacked_request": {"messages": [{"content": HOSTILE}]},
        "unpacked_response": {"content": [{"text": "Ünïcode & <b>"}]},
        "raw_usage": {"input_tokens": 3},
        "started_at": begin,
        "first_token_at": begin + timedelta(milliseconds=125),
        "ended_at": begin + timedelta(milliseconds=2500),
        "events": 7,
        "bytes": 900,
    }
    return ProviderTrace.objects.create(**{**defaults, **columns})


def log_events(run, *events):
    """Store ``events`` as the journal commits them."""
    packed = pack(map(json.dumps, events))[0].encode()
    RunEvent.objects.create(run=run, first_seq=1, last_seq=len(events), packed=packed)


def text_of(response):
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def places(response):
    """Return the part of the index that is not the sidebar."""
    page = text_of(response)
    return page[page.index('class="runnel-places"') :]


@pytest.mark.parametrize("page", PAGES)
def test_it_sends_strangers_to_the_sign_in(client, page):
    response = client.get(page)
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("page", PAGES)
def test_it_refuses_people_who_are_no_staff(client, owner, page):
    client.force_login(owner)
    assert client.get(page).status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_it_refuses_staff_without_the_permission(client, page):
    assert staff_with(client, "view_message").get(page).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_its_pages_work_while_there_is_nothing(admin, page):
    assert admin.get(page).status_code == 200


def test_its_sidebar_leads_to_every_page(admin):
    page = text_of(admin.get("/admin/"))
    for address in PAGES:
        assert f'href="{address}"' in page


def test_its_sidebar_hides_what_one_may_not_see(client):
    page = text_of(staff_with(client, "view_run").get("/admin/"))
    assert f'href="{USAGE}"' in page
    assert f'href="{TRACES}"' not in page
    assert 'href="/admin/auth/user/"' not in page


def test_its_index_leads_where_the_sidebar_does(admin):
    index = places(admin.get("/admin/"))
    for address in PAGES:
        assert f'href="{address}"' in index


def test_its_index_shows_only_what_one_may_see(client):
    index = places(staff_with(client, "view_run").get("/admin/"))
    assert f'href="{USAGE}"' in index
    assert f'href="{TRACES}"' not in index


def test_its_pages_name_an_icon_that_is_there(admin):
    page = text_of(admin.get("/admin/"))
    assert '<link rel="icon" href="/static/runnel/logo.svg" type="image/svg+xml"' in page
    assert finders.find("runnel/logo.svg")


def test_an_icon_that_no_page_named_is_found_as_well(client):
    response = client.get("/favicon.ico")
    assert (response.status_code, response.headers["Location"]) == (302, "/static/runnel/logo.svg")


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
            if 'AS "a" FROM "runs_run"' in sql and Run.objects.count():
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
        with django_assert_max_num_queries(14):
            admin.get(RUNS)

    def test_a_run_asks_no_more_for_more_steps(self, admin, owner, django_assert_max_num_queries):
        run = make_run(owner=owner)
        for index in range(1, 21):
            step = make_step(run, index=index)
            ToolCall.objects.create(run=run, step=step, call_id=f"c{index}", name="f", status="unanswered")
        with django_assert_max_num_queries(15):
            admin.get(f"{RUNS}{run.pk}/change/")


class TestConversations:
    def test_the_list_counts_runs(self, admin, owner):
        run = make_run(owner=owner, title="On rivers")
        run.pk = uuid4()
        run.save(force_insert=True)
        page = text_of(admin.get(CONVERSATIONS))
        assert "On rivers" in page
        assert "ada" in page
        assert ">2</td>" in page.replace("> 2 <", ">2<")

    def test_it_is_found_by_title_and_owner(self, admin, owner):
        make_run(owner=owner, title="On rivers")
        make_run(owner=make_user("bob"), title="On hills")
        assert "On hills" not in text_of(admin.get(CONVERSATIONS, {"q": "river"}))
        assert "On rivers" not in text_of(admin.get(CONVERSATIONS, {"q": "bob"}))

    def test_it_leads_to_its_runs(self, admin, owner):
        run = make_run(owner=owner, stop_reason="end_turn")
        page = text_of(admin.get(f"{CONVERSATIONS}{run.conversation_id}/change/"))
        assert f"{RUNS}{run.pk}/change/" in page

    def test_deleting_takes_runs_and_traces_along(self, admin, owner):
        run, other = make_run(owner=owner), make_run(owner=owner)
        make_trace(run)
        make_trace(other)
        address = f"{CONVERSATIONS}{run.conversation_id}/delete/"
        assert "provider traces" in text_of(admin.get(address)).lower()
        admin.post(address, {"post": "yes"})
        assert list(Run.objects.all()) == [other]
        assert list(ProviderTrace.objects.values_list("run_id", flat=True)) == [other.pk]

    def test_notes_are_shown_and_counted(self, admin, owner):
        run = make_run(owner=owner)
        Note.objects.create(
            conversation=run.conversation, run=run, call_id=run.pk, text="The Rhine rises twice."
        )
        address = f"{CONVERSATIONS}{run.conversation_id}/"
        assert "The Rhine rises twice." in text_of(admin.get(f"{address}change/"))
        assert "notes: 1" in text_of(admin.get(f"{address}delete/")).lower()

    def test_several_are_deleted_at_once(self, admin, owner):
        runs = [make_run(owner=owner) for _ in range(3)]
        chosen = [str(run.conversation_id) for run in runs[:2]]
        admin.post(CONVERSATIONS, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"})
        assert list(Run.objects.all()) == [runs[2]]

    def test_one_with_a_run_under_way_is_kept(self, admin, owner):
        run = make_run(owner=owner, status=RunStatus.RUNNING)
        address = f"{CONVERSATIONS}{run.conversation_id}/delete/"
        assert "Cancel it first." in text_of(admin.get(address))
        admin.post(address, {"post": "yes"})
        assert Conversation.objects.count() == 1

    def test_deleting_takes_the_permission(self, client, owner):
        run = make_run(owner=owner)
        helper = staff_with(client, "view_conversation")
        assert (
            helper.post(f"{CONVERSATIONS}{run.conversation_id}/delete/", {"post": "yes"}).status_code == 403
        )
        assert Conversation.objects.count() == 1

    def test_the_list_asks_no_more_for_more_conversations(self, admin, django_assert_max_num_queries):
        for number in range(20):
            make_run(owner=make_user(f"user{number}"))
        with django_assert_max_num_queries(10):
            admin.get(CONVERSATIONS)


class TestTraces:
    def test_the_list_shows_the_call(self, admin, owner):
        trace = make_trace(
            make_run(owner=owner), status="failed", http_status=529, error_code="llm_overloaded"
        )
        page = text_of(admin.get(TRACES))
        for fact in ("anthropic/opus", "opus-20260101", "529", "llm_overloaded", "125 ms", "2,500 ms"):
            assert fact in page
        assert reverse("admin:runs_run_change", args=[trace.run_id]) in page

    def test_a_trace_shows_its_payloads_escaped_and_as_written(self, admin, owner):
        trace = make_trace(make_run(owner=owner))
        page = admin.get(f"{TRACES}{trace.pk}/change/").content.decode()
        assert HOSTILE not in page
        assert "&lt;script&gt;" in page
        assert "Ünïcode &amp; &lt;b&gt;" in page
        assert "&quot;input_tokens&quot;: 3" in page

    def test_it_says_when_payloads_were_not_kept(self, admin, owner):
        trace = make_trace(make_run(owner=owner), unpacked_request=None, unpacked_response=None)
        assert text_of(admin.get(f"{TRACES}{trace.pk}/change/")).count("Not kept.") == 2

    def test_it_is_found_by_run_and_by_request(self, admin, owner):
        runs = [make_run(owner=owner) for _ in range(2)]
        make_trace(runs[0], model_served="first-served", upstream_request_id="req_a")
        make_trace(runs[1], model_served="second-served", upstream_request_id="req_b")
        for query in ({"q": "req_a"}, {"q": str(runs[0].pk)}, {"run_id": str(runs[0].pk)}):
            page = text_of(admin.get(TRACES, query))
            assert "first-served" in page
            assert "second-served" not in page

    def test_it_spells_abbreviations_right(self, admin, owner):
        trace = make_trace(make_run(owner=owner))
        for address in (TRACES, f"{TRACES}{trace.pk}/change/"):
            page = text_of(admin.get(address))
            assert "HTTP status" in page
            assert "Http" not in page
        assert "URL" in page
        assert "Url" not in page

    def test_nobody_edits_a_trace(self, admin, owner):
        trace = make_trace(make_run(owner=owner))
        assert admin.get(f"{TRACES}add/").status_code == 403
        assert admin.get(f"{TRACES}{trace.pk}/delete/").status_code == 403
        assert admin.post(f"{TRACES}{trace.pk}/change/", {"url": "x"}).status_code == 403

    def test_the_list_reads_no_payloads(self, admin, owner, django_assert_max_num_queries):
        for _ in range(10):
            make_trace(make_run(owner=owner))
        with django_assert_max_num_queries(14) as queries:
            admin.get(TRACES)
        assert not any('"response"' in query["sql"] for query in queries.captured_queries)


class TestTokens:
    def test_tokens_without_a_name_can_be_told_apart(self, admin, owner):
        tokens = [ApiToken.issue(owner)[0] for _ in range(2)]
        assert str(tokens[0]) != str(tokens[1])
        page = text_of(admin.get("/admin/runs/apitoken/"))
        for token in tokens:
            assert f"#{token.pk}" in page
            assert f"{timezone.localtime(token.created_at):%Y-%m-%d %H:%M:%S}" in page

    def test_a_token_can_be_revoked_and_never_read(self, admin, owner):
        token, text = ApiToken.issue(owner, "laptop")
        page = text_of(admin.get("/admin/runs/apitoken/"))
        assert "laptop" in page
        assert "manage.py api_token" in page
        assert text not in page
        assert token.digest not in text_of(admin.get(f"/admin/runs/apitoken/{token.pk}/change/"))
        admin.post(f"/admin/runs/apitoken/{token.pk}/delete/", {"post": "yes"})
        assert not ApiToken.objects.exists()


class TestPeople:
    def test_a_person_goes_with_all_that_is_theirs(self, admin, owner):
        make_trace(make_run(owner=owner))
        address = f"/admin/auth/user/{owner.pk}/delete/"
        assert admin.get(address).status_code == 200
        admin.post(address, {"post": "yes"})
        assert (Run.objects.count(), ProviderTrace.objects.count()) == (0, 0)

    def test_a_person_with_a_run_under_way_stays(self, admin, owner):
        make_run(owner=owner, status=RunStatus.RUNNING)
        admin.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})
        assert Run.objects.count() == 1

    def test_its_forms_can_be_filled_in(self, admin):
        words = "some-long-words-17"
        fields = {"username": "grace", "usable_password": "true", "password1": words, "password2": words}
        assert admin.post("/admin/auth/user/add/", fields).status_code == 302
        assert admin.get("/admin/auth/user/").status_code == 200


class TestUsage:
    @pytest.fixture
    def some_use(self, owner):
        now = timezone.now()
        run = make_run(owner=owner, model="openai/gpt")
        make_step(
            run,
            wait_ms=250,
            usage_source="reported",
            input_tokens=12_000,
            cached_input_tokens=3_000,
            output_tokens=450,
            reasoning_tokens=50,
        )
        make_run(owner=owner, model="anthropic/opus", status=RunStatus.CANCELLED)
        old = make_run(owner=make_user("bob"), model="old/model", created_at=now - timedelta(days=20))
        make_step(old, usage_source="partial")

    @pytest.mark.usefixtures("some_use")
    def test_it_shows_figures_by_day_model_and_user(self, admin):
        page = text_of(admin.get(USAGE))
        for fact in ("12,000", "3,000", "450", "250 ms", "33 %", "openai/gpt", "old/model", "ada", "bob"):
            assert fact in page
        assert f"{timezone.localdate():%Y-%m-%d}" in page
        assert "1 of 2 steps reported their usage; 1 reported a part of it or nothing." in page

    def test_its_tokens_are_marked_where_a_part_is_an_estimate(self, admin, owner):
        make_step(make_run(owner=owner), input_tokens=900, output_tokens=41, estimated_output_tokens=40)
        page = text_of(admin.get(USAGE))
        assert page.count("≈ 41") == 4, "in all, by model, by user, by day"
        assert "≈ 900" not in page

    @pytest.mark.usefixtures("some_use")
    def test_its_period_can_be_changed(self, admin):
        assert "old/model" not in text_of(admin.get(USAGE, {"days": "7"}))
        assert "old/model" in text_of(admin.get(USAGE, {"days": "90"}))

    @pytest.mark.usefixtures("some_use")
    def test_it_can_be_narrowed_and_widened_again(self, admin):
        page = text_of(admin.get(USAGE, {"model": "openai/gpt", "user": "ada"}))
        assert "anthropic/opus" not in page
        assert "1 of 1 steps reported" in page
        assert 'href="?days=30&amp;user=ada"' in page

    @pytest.mark.parametrize("query", [{"days": "-1"}, {"days": "x"}, {"model": "\0"}, {"user": HOSTILE}])
    def test_it_takes_nonsense_calmly(self, admin, query):
        assert HOSTILE not in text_of(admin.get(USAGE, query))

    def test_its_names_are_escaped(self, admin, owner):
        make_run(owner=owner, model=HOSTILE)
        assert HOSTILE not in text_of(admin.get(USAGE))

    @pytest.mark.usefixtures("some_use")
    def test_its_chart_has_a_bar_for_each_day_and_can_be_read_out(self, admin):
        page = text_of(admin.get(USAGE, {"days": "7"}))
        assert page.count('class="runnel-day"') == 7
        assert page.count('class="runnel-slot"') == 7
        assert 'role="img" aria-labelledby="chart-title chart-desc"' in page
        assert "Input: 12,000, of which cached: 3,000" in page
        begin = page.index('<div class="runnel-chart">')
        chart = page[begin : page.index("</figure>", begin)]
        assert "style=" not in chart
        plot, axis = chart.split("</svg>", 1)
        assert "runnel-value" not in plot, "the axis would leave with a plot that is scrolled"
        assert axis.count('<text class="runnel-axis runnel-value"') == plot.count('<line class="runnel-grid"')

    def test_its_queries_do_not_grow(self, admin, django_assert_max_num_queries):
        for number in range(15):
            make_step(make_run(owner=make_user(f"user{number}"), model=f"emulator/{number}"))
        with django_assert_max_num_queries(16):
            admin.get(USAGE)


class TestChart:
    """Pure geometry: a plot of 240 units whose floor lies at y = 252."""

    DAY = date(2026, 3, 2)

    def test_it_stacks_cached_input_then_input_then_output(self):
        figures = Figures(input_tokens=60, cached_input_tokens=20, output_tokens=20)
        picture = chart.draw({self.DAY: figures})
        assert [line.label for line in picture.grid] == ["0", "20", "40", "60", "80"]
        assert [(piece.kind, piece.y, piece.height) for piece in picture.bars[0].segments] == [
            ("cached", 192, 60),
            ("input", 72, 120),
            ("output", 12, 60),
        ]

    def test_it_draws_nothing_for_what_is_unknown_or_zero(self):
        days = {self.DAY: Figures(), self.DAY + timedelta(days=1): Figures(input_tokens=0, output_tokens=3)}
        picture = chart.draw(days)
        assert [len(bar.segments) for bar in picture.bars] == [0, 1]
        assert "Input: –" in picture.bars[0].tip
        assert "Input: 0" in picture.bars[1].tip

    @pytest.mark.parametrize("peak", [0, 1, 5, 6, 99, 100, 101, 12_345, 9_999_999, 50_000_000_001])
    def test_its_axis_reaches_over_the_highest_bar_with_few_lines(self, peak):
        picture = chart.draw({self.DAY: Figures(output_tokens=peak)})
        assert 5 <= len(picture.grid) <= 6
        assert len({line.label for line in picture.grid}) == len(picture.grid)
        assert all(piece.y >= picture.top for piece in picture.bars[0].segments)

    @pytest.mark.parametrize("length", [1, 7, 30, 90])
    def test_it_names_a_few_days_and_always_the_last(self, length):
        picture = chart.draw({self.DAY + timedelta(days=number): Figures() for number in range(length)})
        names = [bar.name for bar in picture.bars]
        assert names[-1]
        assert len([name for name in names if name]) <= chart.MOST_DAY_NAMES
        last = picture.bars[-1]
        assert last.x + last.width <= picture.right
