"""What a person cannot see in other people's words, the admin shows."""

import pytest
from django.test import Client

from runs.models import ApiToken, Message, Note
from runs.models.tool_call import Decision, ToolCallStatus
from tests.runs.rows import make_call, make_run, make_step, make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

HIDDEN = "pay\u202e\u3164\u200b1"
SHOWN = "pay\\u202e\\u3164\\u200b1"


def test_titles_notes_words_calls_and_tokens_show_it(admin_client: Client) -> None:
    owner = make_user("ada")
    run = make_run(owner=owner, title=f"title {HIDDEN}")
    parts = [
        {"kind": "text", "text": f"words {HIDDEN}"},
        {"kind": "tool_result", "name": "t", "content": f"result {HIDDEN}", "is_error": False},
    ]
    Message.objects.create(conversation=run.conversation, run=run, position=1, role="user", parts=parts)
    call = make_call(
        make_step(run),
        status=ToolCallStatus.SUCCEEDED,
        decision=Decision.APPROVED,
        arguments=f'{{"a": "{HIDDEN}"}}',
        reason=f"reason {HIDDEN}",
        result=f"told {HIDDEN}",
    )
    Note.objects.create(conversation=run.conversation, run=run, call_id=call.pk, text=f"note {HIDDEN}")
    ApiToken.issue(owner, f"token {HIDDEN}")
    conversation = admin_client.get(f"/admin/runs/conversation/{run.conversation_id}/change/").text
    of_run = admin_client.get(f"/admin/runs/run/{run.pk}/change/").text
    pages = {
        "title ": conversation,
        "note ": conversation,
        "words ": of_run,
        "result ": of_run,
        "reason ": of_run,
        "told ": of_run,
        "token ": admin_client.get("/admin/runs/apitoken/").text,
    }
    for word, page in pages.items():
        assert f"{word}{SHOWN}" in page, word
    assert not any(HIDDEN in page for page in pages.values())
