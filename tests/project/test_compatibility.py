"""docs/compatibility.md says what the tests' tables say."""

import os

from tests import compatibility


def test_the_page_names_every_oddity_that_a_test_shows_to_be_understood() -> None:
    page = compatibility.page()
    if os.environ.get("REGENERATE"):
        compatibility.PAGE.write_text(page)
    assert compatibility.PAGE.read_text() == page, (
        "docs/compatibility.md is not what the tests' tables say: `make compatibility` writes it anew"
    )
