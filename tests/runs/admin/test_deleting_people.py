"""Deleting a user in the admin leaves nothing of theirs, also not what was hidden before and is not deleted yet."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from providers.models import ProviderTrace, TracePiece, trace_store
from runs.models import Conversation, Run
from tests.providers.models.test_models import record
from tests.runs.rows import make_run, make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]


def test_a_user_goes_with_what_was_hidden(client: Client) -> None:
    owner: Any = make_user("ada")
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    run = make_run(owner=owner)
    sent = record(run_id=run.pk, request={"messages": ["x" * 500]})
    trace_store.pack([sent], run.conversation_id).store()
    assert TracePiece.objects.exists()
    Conversation.objects.update(erased_at=timezone.now())
    address = f"/admin/auth/user/{owner.pk}/delete/"
    assert "Provider traces: 1" in client.get(address).content.decode().replace("provider", "Provider")
    client.post(address, {"post": "yes"})
    assert (Run.objects.count(), ProviderTrace.objects.count(), TracePiece.objects.count()) == (0, 0, 0)
