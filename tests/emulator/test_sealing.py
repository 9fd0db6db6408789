import base64

import pytest

from emulator.sealing import is_sealed, seal


@pytest.mark.parametrize("thoughts", ["", "Hm.", "Grüße 👋" * 500, "half \ud83d"])
def test_it_knows_its_own_seal(thoughts: str):
    assert is_sealed(seal(thoughts))
    assert is_sealed(seal(thoughts), thoughts)


def test_it_knows_a_seal_in_the_alphabet_for_urls():
    data = base64.b64decode(seal("Hm."))
    assert is_sealed(base64.urlsafe_b64encode(data).decode())


@pytest.mark.parametrize("value", [None, 7, "", "not base64!", "RXZlbiBzbywgbm90IG91cnM=", "é" * 40])
def test_it_knows_a_strange_one(value: object):
    assert not is_sealed(value)


def test_it_knows_whose_thoughts_are_sealed():
    assert not is_sealed(seal("Hm."), "Hm!")


def test_it_notices_every_change():
    whole = base64.b64decode(seal("Hm."))
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        assert not is_sealed(base64.b64encode(bytes(changed)).decode())
    assert not is_sealed(base64.b64encode(whole[:-1]).decode())
