"""Which providers exist, which of them have a key here, and what ``provider/name`` means.

One row per provider. A model's name is passed through as it is: new models need no change here.
It reads settings and opens no connection.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from django.conf import settings

from providers import quirks
from providers.quirks import Quirks
from providers.types import Origin
from providers.wires import WIRES

#: Characters of a whole ``provider/name``.
LONGEST_NAME = 200

#: What the emulator is sent where others get a key.
_NO_KEY = "emulator"


class CatalogError(Exception):
    """A model that cannot be used; ``message`` is fit for a user."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class UnknownModel(CatalogError):  # noqa: N818 - the protocol's name for it
    """The name has no known provider, or not the form ``provider/name``."""

    code = "unknown_model"


class ProviderUnavailable(CatalogError):  # noqa: N818 - the protocol's name for it
    """The provider is known, but nobody has configured it."""

    code = "provider_unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where one call goes, and with what. Never stored: it holds the key."""

    origin: Origin
    api_key: str = field(repr=False)
    #: ``None`` for the SDK's own default.
    base_url: str | None
    #: True when the built-in upstream answers, whose address is known only once it runs.
    emulated: bool
    quirks: Quirks = quirks.NONE


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderInfo:
    """A provider as a settings page or a model field shows it."""

    slug: str
    label: str
    available: bool
    #: The environment variable that makes it available.
    setting: str
    #: Names to suggest; any other works too.
    models: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Provider:
    slug: str
    label: str
    wire: str
    setting: str
    base_url_setting: str | None
    models: tuple[str, ...]

    @property
    def is_emulated(self) -> bool:
        return self.base_url_setting is None

    @property
    def is_available(self) -> bool:
        return bool(getattr(settings, self.setting))


_PROVIDERS = {
    provider.slug: provider
    for provider in (
        _Provider(
            slug="openai",
            label="OpenAI",
            wire="openai-responses",
            setting="OPENAI_API_KEY",
            base_url_setting="OPENAI_BASE_URL",
            models=("gpt-5.5", "gpt-5.4-mini", "gpt-5.4-nano"),
        ),
        _Provider(
            slug="openai-chat",
            label="OpenAI Chat Completions, or a server that is compatible with it",
            wire="openai-chat",
            setting="OPENAI_API_KEY",
            base_url_setting="OPENAI_BASE_URL",
            models=("gpt-5.5", "gpt-4.1-mini"),
        ),
        _Provider(
            slug="anthropic",
            label="Anthropic",
            wire="anthropic-messages",
            setting="ANTHROPIC_API_KEY",
            base_url_setting="ANTHROPIC_BASE_URL",
            models=("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"),
        ),
        _Provider(
            slug="gemini",
            label="Google Gemini",
            wire="gemini-generate",
            setting="GEMINI_API_KEY",
            base_url_setting="GOOGLE_GEMINI_BASE_URL",
            models=("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-3.1-flash-lite"),
        ),
        _Provider(
            slug="emulator",
            label="Built-in emulator",
            wire="anthropic-messages",
            setting="RUNNEL_EMULATOR",
            base_url_setting=None,
            models=("hello", "long", "reasoning", "tools", "silent", "fast"),
        ),
    )
}


def resolve(name: str) -> Target:
    """Return where the model ``name`` (``provider/name``) is reached.

    The emulator speaks any wire: ``emulator/hello@openai-chat``.

    Raises:
        UnknownModel: the name has another form, or no such provider (or wire) exists.
        ProviderUnavailable: the provider has no key here.
    """
    slug, _, model = name.partition("/")
    provider = _PROVIDERS.get(slug)
    if not model.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UnknownModel(
            f"A model is written as provider/name, up to {LONGEST_NAME} characters. {_known()}"
        )
    if provider is None:
        raise UnknownModel(f"There is no provider {slug!r} here. {_known()}")
    wire = provider.wire
    if provider.is_emulated and "@" in model:
        model, _, wire = model.rpartition("@")
        if wire not in WIRES or not model:
            raise UnknownModel(f"After the @ stands one of {', '.join(WIRES)}: emulator/hello@openai-chat.")
    if not provider.is_available:
        raise ProviderUnavailable(_how_to_enable(provider))
    return Target(
        origin=Origin(wire=wire, provider=slug, model=model),
        api_key=_NO_KEY if provider.is_emulated else getattr(settings, provider.setting),
        base_url=getattr(settings, provider.base_url_setting or "", "") or None,
        emulated=provider.is_emulated,
    )


def _known() -> str:
    return f"The providers are {', '.join(_PROVIDERS)}."


def providers() -> tuple[ProviderInfo, ...]:
    """Return every provider, available or not."""
    return tuple(
        ProviderInfo(
            slug=provider.slug,
            label=provider.label,
            available=provider.is_available,
            setting=provider.setting,
            models=provider.models,
        )
        for provider in _PROVIDERS.values()
    )


def suggestions() -> tuple[str, ...]:
    """Return ``provider/name`` of models to suggest, of available providers only."""
    return tuple(f"{info.slug}/{name}" for info in providers() if info.available for name in info.models)


def default_model() -> str:
    """Return what a new conversation proposes, empty when nothing is ready.

    Without a setting that is the first suggestion; the emulator, being last, yields to any provider
    with a key.
    """
    return settings.RUNNEL_DEFAULT_MODEL or next(iter(suggestions()), "")


def targets_in_use() -> tuple[Target, ...]:
    """Return one target of every available provider; its model is of no importance."""
    return tuple(resolve(f"{info.slug}/{info.models[0]}") for info in providers() if info.available)


def _how_to_enable(provider: _Provider) -> str:
    if provider.is_emulated:
        return f"The emulator is switched off. Set {provider.setting}=true in .env and restart Runnel."
    return (
        f"{provider.label} has no API key here. "
        f"Set {provider.setting} in .env, beside manage.py, and restart Runnel."
    )
