"""Looks up providers, and resolves a name ``provider/model`` to the target of a call.

The providers are those of ``presets`` and the rows that were entered in the admin (``cache``). If both have
the same name, the row is used. A model's name is passed on unchanged, so new models need no change here.
This module reads settings and memory only; it opens no connection.
"""

from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from typing import ClassVar

from django.conf import settings

from providers.catalog import cache, limits, model_names, provider_types
from providers.catalog.cache import CachedProvider
from providers.catalog.limits import Limits
from providers.catalog.preset import Preset
from providers.catalog.presets import PRESETS
from providers.types import Origin, quirks
from providers.types.quirks import Quirks
from providers.wires import WIRES

#: Characters of a whole ``provider/name``.
LONGEST_NAME = 200

#: The key for servers that need none, because SDKs require one.
_NO_KEY = "none"


class CatalogError(Exception):
    """A model cannot be used; ``message`` is a sentence for the user."""

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class UnknownModel(CatalogError):  # noqa: N818 - the protocol's name for it
    """The name has an unknown provider, or does not have the form ``provider/name``."""

    code = "unknown_model"


class ProviderUnavailable(CatalogError):  # noqa: N818 - the protocol's name for it
    """The provider is known, but not configured, or its row cannot be used."""

    code = "provider_unavailable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The destination of a call: model, address, key and settings. Never stored, because it holds the key."""

    origin: Origin
    api_key: str = field(repr=False)
    #: ``None`` for the SDK's own default.
    base_url: str | None
    #: Whether the built-in emulator answers. Its address is known only while it runs.
    emulated: bool
    quirks: Quirks = quirks.NONE
    limits: Limits = limits.NONE
    #: The client to use, a name in ``providers.clients``; ``None`` for the wire's usual client.
    sdk: str | None = None
    #: Sent with every request, beside the SDK's own headers.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    #: The cloud's project and region; ``None`` if the provider is not a cloud.
    project: str | None = None
    region: str | None = None
    #: Whether the provider can list its models.
    lists_models: bool = True
    #: Whether connections go to checked addresses only. False for addresses that the operator configured.
    is_guarded: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderInfo:
    """A provider for a settings page or a model field."""

    slug: str
    label: str
    available: bool
    #: The environment variables that make the provider available; empty for a provider from the admin.
    settings: tuple[str, ...]
    #: Model names to suggest; other names work too.
    models: tuple[str, ...]


def resolve(name: str) -> Target:
    """Return the target of a call to the model ``name``, which has the form ``provider/model``.

    The emulator speaks any wire: ``emulator/hello@openai-chat``.

    Raises:
        UnknownModel: the name has another form, or there is no such provider or wire.
        ProviderUnavailable: the provider is not configured, lacks a package, or its row cannot be used.
    """
    slug, _, model = name.partition("/")
    if not model.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        raise UnknownModel(
            f"A model is written as provider/name, up to {LONGEST_NAME} characters, such as emulator/hello."
        )
    if (row := cache.enabled().get(slug)) is not None:
        return target_of(row, model)
    if (preset := PRESETS.get(slug)) is None:
        raise UnknownModel(f"There is no provider {slug!r} here. {_nearest(slug)}")
    wire = preset.wire
    if _is_emulated(preset) and "@" in model:
        model, _, wire = model.rpartition("@")
        if wire not in WIRES or not model:
            raise UnknownModel(f"After the @ stands one of {', '.join(WIRES)}: emulator/hello@openai-chat.")
    if (missing := _missing(preset)) is not None:
        raise ProviderUnavailable(missing)
    return _target(preset, wire, model)


def target_of(row: CachedProvider, model: str) -> Target:
    """Return the target of ``model`` for a provider from the admin.

    Raises:
        ProviderUnavailable: the provider cannot be used; the message is ``row.problem``.
    """
    if row.problem is not None:
        raise ProviderUnavailable(row.problem)
    kind = provider_types.PROVIDER_TYPES[row.kind]
    return Target(
        origin=Origin(wire=kind.wire, provider=row.slug, model=model),
        api_key=row.api_key or _NO_KEY,
        base_url=row.address,
        emulated=False,
        quirks=kind.quirks,
        sdk=kind.sdk,
        headers=provider_types.headers(kind, row.api_key),
        lists_models=kind.lists_models,
        limits=row.limits,
        is_guarded=True,
    )


def providers() -> tuple[ProviderInfo, ...]:
    """Return every provider, available or not; providers from the admin come first."""
    entered = cache.enabled()
    infos = [
        ProviderInfo(
            slug=row.slug, label=row.label, available=row.problem is None, settings=(), models=row.models
        )
        for row in entered.values()
    ]
    infos += (
        ProviderInfo(
            slug=preset.slug,
            label=preset.label,
            available=_missing(preset) is None,
            settings=preset.needs,
            models=preset.models,
        )
        for preset in PRESETS.values()
        if preset.slug not in entered
    )
    return tuple(infos)


def suggestions() -> tuple[str, ...]:
    """Return ``provider/model`` for the models to suggest, of available providers only. Sends no request.

    Names that a provider reported take precedence over the suggestions in its preset or row.
    """
    return tuple(
        f"{info.slug}/{name}"
        for info in providers()
        if info.available
        for name in model_names.best(info.slug, info.models)
    )


def default_model() -> str:
    """Return the model that a new conversation proposes, as ``provider/model``; empty if no provider is available.

    Without ``RUNNEL_DEFAULT_MODEL`` it is the first suggestion. The emulator's come after those of any provider with a key.
    """
    suggested = sorted(suggestions(), key=lambda name: name.startswith("emulator/"))
    return settings.RUNNEL_DEFAULT_MODEL or next(iter(suggested), "")


def targets_in_use() -> tuple[Target, ...]:
    """Return one target of every available provider, with any of its models."""
    entered = cache.enabled()
    presets = (
        _target(preset, preset.wire, next(iter(preset.models), "any"))
        for preset in PRESETS.values()
        if preset.slug not in entered and _missing(preset) is None
    )
    return (*(target_of(row, "any") for row in entered.values() if row.problem is None), *presets)


def _target(preset: Preset, wire: str, model: str) -> Target:
    is_emulated = _is_emulated(preset)
    return Target(
        origin=Origin(wire=wire, provider=preset.slug, model=model),
        api_key=_value(preset.key) or (_NO_KEY if preset.sdk is None else ""),
        base_url=_base_url(preset),
        emulated=is_emulated,
        quirks=preset.quirks,
        sdk=preset.sdk,
        headers=preset.headers
        + tuple((name, value) for name, setting in preset.header_settings if (value := _value(setting))),
        project=_value(preset.project) or None,
        region=_value(preset.region) or None,
        lists_models=preset.lists_models,
        limits=Limits.from_settings(),
    )


def is_set_up(slug: str) -> bool:
    """Return whether the environment sets up the known provider ``slug``."""
    preset = PRESETS.get(slug)
    return preset is not None and _missing(preset) is None


def _is_emulated(preset: Preset) -> bool:
    return preset.slug == "emulator"


def _value(setting: str | None) -> str:
    return getattr(settings, setting) if setting else ""


def _base_url(preset: Preset) -> str | None:
    address = _value(preset.address)
    return preset.at(address) if address else preset.base_url


def _missing(preset: Preset) -> str | None:
    """Return a sentence that says why the provider cannot be used; ``None`` if it can."""
    if not all(getattr(settings, name) for name in preset.needs):
        return _how_to_enable(preset)
    if preset.package and not _value(preset.key) and find_spec(preset.package) is None:
        return f"{preset.label} needs the package {preset.package}. Run make {preset.package} and restart Runnel."
    return None


def _how_to_enable(preset: Preset) -> str:
    names = " and ".join(preset.needs)
    if _is_emulated(preset):
        return f"The emulator is switched off. Set {names}=true in .env and restart Runnel."
    return (
        f"{preset.label} is not set up here. An admin can enter its key under Providers; "
        f"or set {names} in .env, beside manage.py, and restart Runnel."
    )


def _nearest(slug: str) -> str:
    """Return a sentence with the providers whose names are most like ``slug``, three at most."""
    names = [*cache.enabled(), *(preset.slug for preset in PRESETS.values() if _missing(preset) is None)]
    near = get_close_matches(slug.lower(), dict.fromkeys(names), n=3, cutoff=0.5)
    if not near:
        return "The list of models names those that can be used."
    return f"Did you mean {' or '.join(near)}?"
