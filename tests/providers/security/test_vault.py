import pytest
from pytest_django.fixtures import Settings

from providers.security import vault
from providers.security.vault import Unsealable

KEY = "sk-canary-0123456789-ünïcode"
HERE = "https://api.example.org"


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> Settings:
    settings.SECRET_KEY = "the first secret"
    settings.SECRET_KEY_FALLBACKS = []
    return settings


def test_what_is_sealed_opens_again_and_does_not_show_the_key() -> None:
    sealed = vault.seal(KEY, purpose=HERE)
    assert KEY not in sealed
    assert vault.unseal(sealed, purpose=HERE) == KEY


def test_the_same_key_never_looks_the_same() -> None:
    assert vault.seal(KEY, purpose=HERE) != vault.seal(KEY, purpose=HERE)


def test_a_key_opens_for_nobody_else() -> None:
    with pytest.raises(Unsealable):
        vault.unseal(vault.seal(KEY, purpose=HERE), purpose="https://evil.example.org")


def test_a_new_secret_opens_what_the_old_one_sealed_while_that_is_a_fallback(secret: Settings) -> None:
    sealed = vault.seal(KEY, purpose=HERE)
    secret.SECRET_KEY, secret.SECRET_KEY_FALLBACKS = "the third", ["the second", "the first secret"]
    assert vault.unseal(sealed, purpose=HERE) == KEY
    assert not vault.is_current(sealed, purpose=HERE)


def test_a_resealed_key_outlives_the_old_secret(secret: Settings) -> None:
    sealed = vault.seal(KEY, purpose=HERE)
    secret.SECRET_KEY, secret.SECRET_KEY_FALLBACKS = "the second", ["the first secret"]
    resealed = vault.reseal(sealed, purpose=HERE)
    secret.SECRET_KEY_FALLBACKS = []
    assert vault.is_current(resealed, purpose=HERE)
    assert vault.unseal(resealed, purpose=HERE) == KEY
    with pytest.raises(Unsealable):
        vault.unseal(sealed, purpose=HERE)


@pytest.mark.parametrize("sealed", ["", "nonsense", "gAAAAAB", "ключ", "\x00"])
def test_what_is_no_seal_is_a_sentence_and_no_crash(sealed: str) -> None:
    for attempt in (vault.unseal, vault.reseal):
        with pytest.raises(Unsealable) as caught:
            attempt(sealed, purpose=HERE)
        assert "Enter the key again" in caught.value.message
    assert not vault.is_current(sealed, purpose=HERE)


def test_a_changed_seal_does_not_open() -> None:
    sealed = vault.seal(KEY, purpose=HERE)
    changed = sealed[:40] + ("A" if sealed[40] != "A" else "B") + sealed[41:]
    with pytest.raises(Unsealable):
        vault.unseal(changed, purpose=HERE)
