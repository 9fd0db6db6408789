"""Who looks at the admin's pages."""

import pytest

from tests.runs.rows import make_user


@pytest.fixture
def owner():
    return make_user("ada")


@pytest.fixture
def admin(client):
    client.force_login(make_user("root", is_staff=True, is_superuser=True))
    return client
