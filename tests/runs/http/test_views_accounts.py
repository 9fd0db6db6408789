"""Signing in and out, and changing the password, with forms. Sockets are in ``test_sign_out``."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.runs.http.signed_in import a_client, csrf  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

PASSWORD = "a river in the wood"


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_follows_next_on_this_host_only(user: User, target: str) -> None:
    form = {"username": user.username, "password": PASSWORD}
    assert Client().post("/login/", form | {"next": target})["Location"] == "/"
    assert Client().post("/login/", form | {"next": "/password/"})["Location"] == "/password/"


@pytest.mark.filterwarnings("ignore:Overriding get_action_choices")
def test_the_admin_tells_who_may_not_use_it_why_and_leads_back(client: Client, user: User) -> None:
    told = client.get("/admin/", follow=True)
    assert told.status_code == 403
    text = told.content.decode()
    assert "You are signed in as <bdi>ada</bdi>, who may not use the administration." in text
    assert 'href="/"' in text
    assert 'action="/logout/"' in text
    # A stranger gets the sign-in, and staff the administration.
    assert "password" in Client().get("/admin/", follow=True).content.decode()
    user.is_staff = True
    user.save()
    assert client.get("/admin/", follow=True).status_code == 200


def test_it_says_that_the_password_was_wrong(user: User) -> None:
    response = Client().post("/login/", {"username": user.username, "password": "wrong"})
    assert response.status_code == 200
    assert b"errorlist" in response.content


def test_it_signs_out_by_post_only(client: Client) -> None:
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 403
    assert client.get("/api/conversations/").status_code == 200

    assert client.post("/logout/", headers=csrf(client))["Location"] == "/login/"

    assert client.get("/api/conversations/").status_code == 401


def test_it_changes_the_password_when_both_are_right(client: Client, user: User) -> None:
    new = "another river, another wood"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": "a slip"}
    assert client.post("/password/", form, headers=csrf(client)).status_code == 200

    response = client.post("/password/", form | {"new_password2": new}, headers=csrf(client))

    assert response["Location"] == "/password/done/"
    assert client.get("/password/done/").status_code == 200
    user.refresh_from_db()
    assert user.check_password(new)
