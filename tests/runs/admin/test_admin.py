import pytest
from django.contrib.staticfiles import finders

from tests.runs.admin.pages import CONVERSATIONS, RUNS, TRACES, USAGE, places, staff_with, text_of

pytestmark = [
    pytest.mark.django_db,
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

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
