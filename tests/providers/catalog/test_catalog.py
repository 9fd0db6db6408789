import pytest
from pytest_django.fixtures import Settings

import emulator
from providers import catalog
from providers.catalog import CatalogError, ProviderUnavailable, UnknownModel
from providers.catalog.presets import PRESETS
from providers.types import Origin
from providers.wires import WIRES


@pytest.fixture(autouse=True)
def configured(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "openai-key"
    settings.OPENAI_BASE_URL = ""
    settings.ANTHROPIC_API_KEY = "anthropic-key"
    settings.ANTHROPIC_BASE_URL = "https://proxy.example.org/claude"
    settings.GEMINI_API_KEY = ""
    settings.GOOGLE_GEMINI_BASE_URL = ""
    settings.RUNNEL_EMULATOR = True


@pytest.mark.parametrize(
    ("name", "origin", "key", "base_url"),
    [
        (
            "openai/gpt-5.5",
            Origin(wire="openai-responses", provider="openai", model="gpt-5.5"),
            "openai-key",
            None,
        ),
        (
            "openai-chat/org/model:free",
            Origin(wire="openai-chat", provider="openai-chat", model="org/model:free"),
            "openai-key",
            None,
        ),
        (
            "anthropic/model@20261124",
            Origin(wire="anthropic-messages", provider="anthropic", model="model@20261124"),
            "anthropic-key",
            "https://proxy.example.org/claude",
        ),
    ],
)
def test_it_finds_the_provider_and_passes_the_name_through(
    name: str, origin: Origin, key: str, base_url: str | None
) -> None:
    target = catalog.resolve(name)
    assert (target.origin, target.api_key, target.base_url) == (origin, key, base_url)
    assert not target.emulated


@pytest.mark.parametrize("wire", WIRES)
def test_the_emulator_speaks_any_wire(wire: str) -> None:
    target = catalog.resolve(f"emulator/recording/some@name@{wire}")
    assert target.origin == Origin(wire=wire, provider="emulator", model="recording/some@name")
    assert target.emulated


def test_the_emulator_has_a_wire_of_its_own() -> None:
    assert catalog.resolve("emulator/hello").origin.wire == "anthropic-messages"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gpt-5.5",
        "openai/",
        "openai/  ",
        "openai/a\nb",
        "openai/\x00",
        "openai/" + "x" * 194,
    ],
)
def test_another_form_is_an_unknown_model(name: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        catalog.resolve(name)
    assert caught.value.code == "unknown_model"
    assert "provider/name" in caught.value.message


@pytest.mark.parametrize(
    ("slug", "advice"),
    [
        ("emulater", "Did you mean emulator?"),
        ("EMULATOR", "Did you mean emulator?"),
        ("nobody", "The list of models names those that can be used."),
        ("", "The list of models names those that can be used."),
    ],
)
def test_an_unknown_provider_is_named_with_those_that_are_like_it(slug: str, advice: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        catalog.resolve(f"{slug}/gpt")
    assert caught.value.message == f"There is no provider {slug!r} here. {advice}"


def test_the_longest_name_is_200_characters() -> None:
    assert catalog.resolve("openai/" + "x" * 193)


@pytest.mark.parametrize("name", ["emulator/hello@morse", "emulator/hello@", "emulator/@openai-chat"])
def test_an_unknown_wire_is_an_unknown_model(name: str) -> None:
    with pytest.raises(UnknownModel, match="openai-responses"):
        catalog.resolve(name)


def test_a_provider_without_a_key_says_what_to_set_and_where() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        catalog.resolve("gemini/gemini-3.8-flash")
    assert isinstance(caught.value, CatalogError)
    assert caught.value.code == "provider_unavailable"
    assert "GEMINI_API_KEY" in caught.value.message
    assert ".env" in caught.value.message


def test_the_emulator_can_be_off(settings: Settings) -> None:
    settings.RUNNEL_EMULATOR = False
    with pytest.raises(ProviderUnavailable, match="RUNNEL_EMULATOR"):
        catalog.resolve("emulator/hello")


def test_it_lists_every_provider_and_suggests_only_what_works() -> None:
    assert [info.slug for info in catalog.providers()] == list(PRESETS)
    available = [info.slug for info in catalog.providers() if info.available]
    assert available == ["openai", "openai-chat", "anthropic", "emulator"]
    suggested = catalog.suggestions()
    assert "emulator/hello" in suggested
    assert not any(name.startswith("gemini/") for name in suggested)
    for name in suggested:
        assert catalog.resolve(name).origin.model


def test_it_suggests_the_emulators_own_models() -> None:
    (info,) = (info for info in catalog.providers() if info.slug == "emulator")
    assert info.models == emulator.MODELS


def test_a_target_does_not_show_its_key() -> None:
    assert "openai-key" not in repr(catalog.resolve("openai/gpt-5.5"))


@pytest.mark.parametrize("setting", ["DEEPSEEK_API_KEY", "OPENAI_API_KEY", "MISTRAL_API_KEY"])
def test_a_new_conversation_proposes_a_model_of_a_provider_with_a_key(
    setting: str, settings: Settings
) -> None:
    for preset in PRESETS.values():
        for name in preset.needs:
            if name.endswith("_API_KEY"):
                setattr(settings, name, "")
    assert catalog.default_model() == "emulator/hello"
    setattr(settings, setting, "sk-some-key")
    assert catalog.default_model().startswith(setting.partition("_")[0].lower() + "/")
