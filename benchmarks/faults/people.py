"""Further users of an installation."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.faults.server_process import ServerProcess

PASSWORD = "fault-benchmark-1"
_MAKE = """
from django.contrib.auth.models import User
from runs.models import ApiToken
for name in {names!r}:
    user = User.objects.create_user(name, password={password!r})
    row, text = ApiToken.issue(user)
    print("made", user.pk, row.pk, text)
"""


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user with a token."""

    name: str
    user_id: str
    token_id: str
    token: str


def make(server: ServerProcess, names: Sequence[str]) -> list[Person]:
    """Make users with these names."""
    code = _MAKE.format(names=list(names), password=PASSWORD)
    lines = [line.split() for line in server.run("shell", "-v", "0", "-c", code).stdout.splitlines()]
    made = [line for line in lines if line[:1] == ["made"]]
    return [
        Person(name=name, user_id=user_id, token_id=token_id, token=token)
        for name, (_, user_id, token_id, token) in zip(names, made, strict=True)
    ]
