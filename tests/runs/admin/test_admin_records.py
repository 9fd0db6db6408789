"""The admin's pages of conversations, traces, tokens and people."""

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from providers.models import ProviderTrace
from runs.models import ApiToken, Conversation, Note, Run
from runs.states import RunStatus
from tests.runs.admin.pages import CONVERSATIONS, HOSTILE, RUNS, TRACES, make_trace, staff_with, text_of
from tests.runs.rows import make_run, make_user, note_browser

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


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
        note_browser(admin)
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
        note_browser(admin)
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
