import re
from pathlib import Path

import pytest

from emulator.actions import Fault
from emulator.directive import Directive, Trouble, parse

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "emulator.md").read_text()

#: The table of faults: names, and keys with what they are otherwise.
ROWS = dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", PAGE.partition("| fault |")[2], re.MULTILINE))


def test_every_fault_and_every_kind_of_error_is_documented():
    assert set(Trouble) <= set(ROWS)
    assert all(f"`{kind}`" in PAGE for kind in Fault)


@pytest.mark.parametrize("trouble", Trouble)
def test_a_key_is_otherwise_what_the_page_says(trouble: Trouble):
    otherwise = re.findall(r"`(\w+=[^`]+)`", ROWS[trouble])

    assert parse(f"[[fault={trouble} {' '.join(otherwise)}]]") == parse(f"[[fault={trouble}]]")


@pytest.mark.parametrize("example", re.findall(r"\[\[fault=[a-z][^\]]*\]\]", PAGE))
def test_an_example_can_be_typed(example: str):
    assert isinstance(parse(example), Directive)
