"""Rights that are lost in one process, while a socket that relies on them is open in another one."""

import asyncio
import html
import re
import time
from collections.abc import Awaitable, Callable
from functools import partial

from websockets.asyncio.client import ClientConnection

from benchmarks.faults import people
from benchmarks.faults.installation import Installation
from benchmarks.faults.observer import Observer
from benchmarks.faults.spread import seconds
from tests.faults.processes import Browser, first_password
from tests.faults.server_process import ServerProcess

#: What a socket is closed with whose rights are gone.
SIGNED_OUT = 4401
#: Seconds after which a socket that is still open is not closed any more.
PATIENCE = 30.0


async def rights(here: Installation, number: int) -> None:
    """Sign out, revoke and deactivate through one process; measure until the sockets of another one are closed."""
    one, other = here.web[0], here.web[-1]
    password = next(found for each in here.web if (found := first_password(each)))
    admin = await asyncio.to_thread(Browser.signed_in, one, "admin", password)
    signed_out, revoked, deactivated = list[float](), list[float](), list[float]()
    for place in range(number):
        signed_out.append(await _signed_out(one, other, password))
        name = f"user-{time.monotonic_ns()}-{place}"
        (person,) = await asyncio.to_thread(people.make, one, [name])
        own = await asyncio.to_thread(Browser.signed_in, one, name, people.PASSWORD)
        session, program = await own.socket(other), await Observer.connect(other, person.token)
        revoking = asyncio.to_thread(own.post, one, f"/tokens/{person.token_id}/revoke/")
        revoked.append(await _until_closed(program.closed, revoking))
        path = f"/admin/auth/user/{person.user_id}/change/"
        form = await asyncio.to_thread(admin.get, one, path)
        deactivating = asyncio.to_thread(admin.post, one, path, **_deactivated(form))
        deactivated.append(await _until_closed(partial(_code_of, session), deactivating))
    print(
        f"12 x{number}, sockets of {'another process' if one is not other else 'the process'} closed after:"
    )
    for what, values in (("sign-out", signed_out), ("revocation", revoked), ("deactivation", deactivated)):
        print(f"   {what}", seconds(values))


async def rights_without_redis(here: Installation, number: int) -> None:
    """The same while Redis is dead."""
    if here.redis is not None:
        with here.redis.dead():
            print("12 without Redis:")
            await rights(here, number)


async def _signed_out(one: ServerProcess, other: ServerProcess, password: str) -> float:
    browser = await asyncio.to_thread(Browser.signed_in, one, "admin", password)
    socket = await browser.socket(other)
    return await _until_closed(partial(_code_of, socket), asyncio.to_thread(browser.post, one, "/logout/"))


async def _until_closed(closed: Callable[[], Awaitable[int | None]], doing: Awaitable[None]) -> float:
    """Return the seconds from the beginning of ``doing`` until a socket is closed as it must be."""
    begin = time.monotonic()
    waiting = asyncio.ensure_future(closed())
    await doing
    async with asyncio.timeout(PATIENCE):
        code = await waiting
    assert code == SIGNED_OUT, code
    return time.monotonic() - begin


async def _code_of(socket: ClientConnection) -> int | None:
    await socket.wait_closed()
    return socket.close_code


def _deactivated(form: str) -> dict[str, str]:
    """Return the fields of the admin's form of a user as they are, without the mark that the user is active."""
    fields = {"_save": "Save"}
    for tag in re.findall(r"<input[^>]*>", form):
        values = dict(re.findall(r'(name|type|value)="([^"]*)"', tag))
        if values.get("type") in {"text", "email", "hidden"} and values.get("name"):
            fields[values["name"]] = html.unescape(values.get("value", ""))
    del fields["csrfmiddlewaretoken"]
    return fields
