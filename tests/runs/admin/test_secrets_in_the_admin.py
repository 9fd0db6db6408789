"""Staff who may only view rows learn no hash and no encrypted secret, neither from a page nor from a filter."""

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse

from runs.models import ApiToken, McpServer
from tests.runs.rows import make_user

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

#: Written here once more, so that a change of the rule itself is noticed.
SECRET = re.compile(r"password|digest|sealed\w*|session_(data|key)")


@pytest.fixture
def viewer(client: Client) -> Client:
    helper = make_user("helper", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(helper)
    return client


def secret_columns(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.get_fields() if SECRET.fullmatch(field.name)]


def secret_lookups(model: type[Model]) -> list[str]:
    """Return the ways to a secret column that lead over at most one relation."""
    own = secret_columns(model)
    for field in model._meta.get_fields():
        if field.is_relation and field.related_model:
            own += [f"{field.name}__{name}" for name in secret_columns(field.related_model)]
    return own


@pytest.mark.parametrize("usable", [True, False], ids=["with a password", "without"])
def test_a_viewer_sees_no_hash_of_a_password(viewer: Client, usable: bool) -> None:
    root = make_user("root", is_superuser=True)
    if not usable:
        root.set_unusable_password()
        root.save()
    page = viewer.get(f"/admin/auth/user/{root.pk}/change/")
    assert page.status_code == 200
    assert root.username in page.text
    assert root.password not in page.text
    assert not any(part in page.text for part in root.password.split("$") if len(part) > 5)
    assert ("Set, and shown to nobody." in page.text) is usable


def test_a_superuser_can_still_change_a_password(admin_client: Client) -> None:
    user = make_user("ada")
    page = admin_client.get(f"/admin/auth/user/{user.pk}/change/")
    assert "../password/" in page.text
    assert user.password not in page.text


@pytest.mark.parametrize("site_admin", admin.site._registry.values(), ids=str)
def test_no_list_is_filtered_searched_or_sorted_by_a_secret_column(
    site_admin: Any, rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = make_user("root", is_superuser=True, is_staff=True)
    for name in secret_lookups(site_admin.model):
        for lookup in (name, f"{name}__startswith", f"{name}__regex", f"{name}__isnull"):
            assert not site_admin.lookup_allowed(lookup, "a", request), lookup
    named = [
        *site_admin.get_search_fields(request),
        *site_admin.get_ordering(request),
        *map(str, site_admin.get_list_filter(request)),
        *(str(name) for name in site_admin.get_list_display(request)),
    ]
    parts = {part.lstrip("-^=@") for name in named for part in name.split("__")}
    assert not any(map(SECRET.fullmatch, parts))


def test_filters_over_a_secret_column_are_refused(viewer: Client) -> None:
    ApiToken.issue(make_user("ada"))
    McpServer.objects.create(name="files", transport="http", url="https://8.8.8.8/", sealed_secrets="gAAAA")
    for address in (
        reverse("admin:runs_mcpserver_changelist") + "?sealed_secrets__startswith=g",
        reverse("admin:runs_apitoken_changelist") + "?digest__startswith=a",
        reverse("admin:runs_apitoken_changelist") + "?user__password__startswith=m",
        reverse("admin:providers_provider_changelist") + "?sealed_key__startswith=g",
        reverse("admin:auth_user_changelist") + "?password__startswith=m",
    ):
        assert viewer.get(address).status_code == 400, address


def test_a_user_is_found_by_name(viewer: Client) -> None:
    make_user("ada")
    assert "ada" in viewer.get("/admin/auth/user/?q=ada").text
    assert User.objects.filter(username="ada").exists()
