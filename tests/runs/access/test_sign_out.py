"""The ways out: whoever could not open a socket any more loses the ones that are open, and nobody else."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client

from concurrency.threads import readers
from runs.access import authentication, open_sockets
from runs.models import ApiToken
from tests.runs.conftest import Person
from tests.runs.rows import make_user
from tests.runs.sockets import HOST, Socket, bearer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Unfold 0.110 has not followed Django 6.1 here yet.
    pytest.mark.filterwarnings("ignore:Overriding get_action_choices"),
]

OLD = "secret-words"
NEW = "a river in another wood"
#: What each of Django's forms for a new password asks for.
CHANGE = {"old_password": OLD, "new_password1": NEW, "new_password2": NEW}
SET = {"password1": NEW, "password2": NEW, "usable_password": "true"}

type Open = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def open_socket(server: None) -> AsyncIterator[Open]:
    """Open sockets with a token, or with a browser's cookie; they are closed in the end."""
    sockets = []

    async def opened(way_in: Person | Client | str) -> Socket:
        match way_in:
            case Person():
                headers = [bearer(way_in.token)]
            case Client():
                headers = [cookie(way_in), ("origin", f"http://{HOST}")]
            case str():
                headers = [bearer(way_in)]
        socket = await Socket(*headers).open()
        sockets.append(socket)
        return socket

    yield opened
    for socket in sockets:
        await socket.close()


def cookie(browser: Client) -> tuple[str, str]:
    name = settings.SESSION_COOKIE_NAME
    return "cookie", f"{name}={browser.cookies[name].value}"


def signed_in(user: Any) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def browser(ada: Person) -> Client:
    return signed_in(ada.user)


@pytest.fixture
def elsewhere(ada: Person) -> Client:
    """Another browser in which ada is signed in."""
    return signed_in(ada.user)


@pytest.fixture
def admin(transactional_db: None) -> Client:
    """The browser of somebody who may do everything."""
    return signed_in(make_user("root", is_staff=True, is_superuser=True))


async def post(browser: Client, address: str, form: dict[str, str] | None = None) -> None:
    """Send a form as a browser does, and see that it was taken."""
    response = await readers.run(browser.post, address, form or {})
    assert response.status_code == 302, response.content


def admin_form(browser: Client, address: str) -> dict[str, str]:
    """Return what a page of the admin would send if nobody changed anything on it."""
    initial = browser.get(address).context["adminform"].form.initial
    kept = {name: initial[name] for name in ("username", "first_name", "last_name", "email")}
    joined = initial["date_joined"]
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if initial[name]}
    return kept | flags | {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}


async def assert_closed(*sockets: Socket) -> None:
    for socket in sockets:
        await socket.closed()
        assert socket.close_code == 4401


async def assert_open(*sockets: Socket) -> None:
    for socket in sockets:
        await socket.in_step()
        assert socket.close_code is None


@pytest.mark.parametrize("address", ["/logout/", "/admin/logout/"])
async def test_signing_out_closes_the_sockets_of_that_session_only(
    address: str, ada: Person, eve: Person, browser: Client, elsewhere: Client, open_socket: Open
) -> None:
    # The admin's own sign-out is for those who may enter it.
    await readers.run(lambda: get_user_model().objects.update(is_staff=True))
    mine = [await open_socket(browser) for _ in range(2)]
    others = [await open_socket(elsewhere), await open_socket(ada), await open_socket(eve)]
    before = cookie(browser)
    await post(browser, address)
    await assert_closed(*mine)
    await assert_open(*others)
    late = await Socket(before, ("origin", f"http://{HOST}")).open()
    assert (late.close_code, late.received) == (4401, [])
    await late.close()


async def test_a_run_outlives_the_sign_out(ada: Person, browser: Client, open_socket: Open) -> None:
    socket = await open_socket(browser)
    run_id = (await socket.start("emulator/hello"))["run_id"]
    await post(browser, "/logout/")
    await socket.closed()
    program = await open_socket(ada)
    await program.ask("subscribe", run_id=run_id)
    assert (await program.ended(run_id))["outcome"] == {"type": "success"}


async def test_signing_in_as_somebody_else_closes_the_sockets_of_the_session_before(
    ada: Person, browser: Client, elsewhere: Client, open_socket: Open
) -> None:
    mine = await open_socket(browser)
    others = [await open_socket(elsewhere), await open_socket(ada)]
    await readers.run(lambda: make_user("root", is_staff=True))
    await post(browser, "/admin/login/?next=/", {"username": "root", "password": OLD})
    await assert_closed(mine)
    await assert_open(*others)


@pytest.mark.parametrize("address", ["/password/", "/admin/password_change/"])
async def test_a_new_password_closes_the_sockets_of_every_session_and_token(
    address: str, ada: Person, eve: Person, browser: Client, elsewhere: Client, open_socket: Open
) -> None:
    await readers.run(lambda: get_user_model().objects.update(is_staff=True))
    mine = [await open_socket(browser), await open_socket(elsewhere), await open_socket(ada)]
    other = await open_socket(eve)
    await post(browser, address, CHANGE)
    await assert_closed(*mine)
    await assert_open(other)
    assert not await readers.run(ada.user.api_tokens.exists)


async def test_tokens_that_are_kept_outlive_a_new_password(
    ada: Person, browser: Client, elsewhere: Client, open_socket: Open
) -> None:
    session, token = await open_socket(elsewhere), await open_socket(ada)
    await post(browser, "/password/", CHANGE | {"keep_tokens": "on"})
    await assert_closed(session)
    await assert_open(token)


async def test_a_hash_that_is_only_made_anew_revokes_nothing(ada: Person, settings: Any) -> None:
    old = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    settings.PASSWORD_HASHERS = [old, *settings.PASSWORD_HASHERS]

    def sign_in() -> None:
        before = get_user_model().objects.get(pk=ada.user.pk).password
        assert Client().post("/login/", {"username": "ada", "password": OLD}).status_code == 302
        assert get_user_model().objects.get(pk=ada.user.pk).password != before

    await readers.run(sign_in)
    assert await readers.run(ada.user.api_tokens.exists)


async def test_the_session_that_changed_the_password_comes_back_and_no_other_does(
    browser: Client, elsewhere: Client, open_socket: Open
) -> None:
    await post(browser, "/password/", CHANGE)
    await assert_open(await open_socket(browser))
    await assert_closed(await open_socket(elsewhere))


async def test_an_admin_who_sets_a_password_closes_the_sessions_of_that_user(
    ada: Person, browser: Client, admin: Client, open_socket: Open
) -> None:
    mine, other = [await open_socket(browser), await open_socket(ada)], await open_socket(admin)
    await post(admin, f"/admin/auth/user/{ada.user.pk}/password/", SET)
    await assert_closed(*mine)
    await assert_open(other)


async def test_signing_out_closes_what_was_opened_before_the_session_got_another_key(
    ada: Person, admin: Client, open_socket: Open
) -> None:
    socket = await open_socket(admin)
    before = cookie(admin)
    await post(admin, f"/admin/auth/user/{ada.user.pk}/password/", SET)
    assert cookie(admin) != before
    await assert_open(socket)
    await post(admin, "/logout/")
    await assert_closed(socket)


async def test_an_admin_who_deactivates_a_user_closes_all_of_theirs(
    ada: Person, eve: Person, browser: Client, admin: Client, open_socket: Open
) -> None:
    theirs, others = [await open_socket(browser), await open_socket(ada)], await open_socket(eve)
    address = f"/admin/auth/user/{ada.user.pk}/change/"
    form = await readers.run(admin_form, admin, address)
    await post(admin, address, form | {"email": "ada@elsewhere.example"})
    await assert_open(*theirs)
    del form["is_active"]
    await post(admin, address, form)
    await assert_closed(*theirs)
    await assert_open(others)


@pytest.mark.parametrize("address", ["/admin/auth/user/{}/delete/", "/admin/auth/user/"])
async def test_an_admin_who_deletes_a_user_closes_all_of_theirs(
    address: str, ada: Person, eve: Person, browser: Client, admin: Client, open_socket: Open
) -> None:
    theirs, others = [await open_socket(browser), await open_socket(ada)], await open_socket(eve)
    user_id = ada.user.pk
    form = {"post": "yes", "action": "delete_selected", "_selected_action": str(user_id)}
    await post(admin, address.format(user_id), form)
    await assert_closed(*theirs)
    await assert_open(others)


async def test_an_admin_who_revokes_a_token_closes_what_came_with_it(
    ada: Person, browser: Client, admin: Client, open_socket: Open
) -> None:
    token, text = await readers.run(ApiToken.issue, ada.user, "laptop")
    mine, others = await open_socket(text), [await open_socket(ada), await open_socket(browser)]
    await post(admin, f"/admin/runs/apitoken/{token.pk}/delete/", {"post": "yes"})
    await assert_closed(mine)
    await assert_open(*others)


async def test_a_change_closes_nothing_before_it_is_committed_or_when_it_is_undone(
    ada: Person, browser: Client, open_socket: Open
) -> None:
    sockets = [await open_socket(browser), await open_socket(ada)]

    def change_and_regret() -> None:
        with transaction.atomic():
            ada.user.is_active = False
            ada.user.save()
            ada.user.api_tokens.all().delete()
            transaction.set_rollback(True)

    await readers.run(change_and_regret)
    await assert_open(*sockets)


async def test_signing_in_elsewhere_closes_nothing_and_asks_nothing_more(
    ada: Person, browser: Client, open_socket: Open
) -> None:
    sockets = [await open_socket(browser), await open_socket(ada)]

    def sign_in() -> list[str]:
        statements = []

        def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            Client().post("/login/", {"username": "ada", "password": OLD})
        return statements

    beside = await readers.run(sign_in)
    await assert_open(*sockets)
    for socket in sockets:
        await socket.close()
    alone = await readers.run(sign_in)
    assert len(beside) == len(alone) > 0


@pytest.mark.parametrize("look", [1, 2])
async def test_a_sign_out_while_a_socket_is_being_opened_closes_it(
    look: int, browser: Client, open_socket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    identify, looks = authentication.identify, []

    def identify_just_before_the_sign_out(handshake: authentication.Handshake) -> authentication.Identity:
        identity = identify(handshake)
        looks.append(identity)
        if len(looks) == look:
            browser.post("/logout/")
        elif len(looks) < look:
            # Somebody else's sign-out: the identity is read again.
            open_sockets.close(())
        return identity

    monkeypatch.setattr(authentication, "identify", identify_just_before_the_sign_out)
    await assert_closed(await open_socket(browser))
    assert len(looks) == look
