"""The provider types that an admin can add: presets that need only a key and an address. Pure.

A row never uses a key or an address from the environment, because those belong to the operator.
"""

from providers.catalog.preset import Preset
from providers.catalog.presets import PRESETS

#: The presets whose only credential is a key. Presets that use a cloud's own credential chain, or further
#: settings, are for the operator only.
PROVIDER_TYPES = {
    slug: preset
    for slug, preset in PRESETS.items()
    if preset.address and all(setting == preset.key for _, setting in preset.header_settings)
}

#: The addresses of the wires' own vendors. Without them, their SDKs would read the environment.
_VENDORS = {
    "openai": "https://api.openai.com/v1",
    "openai-chat": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}


def default_address(preset: Preset) -> str | None:
    """Return the usual base URL of ``preset``; ``None`` if it has none and one must be entered."""
    return preset.base_url or _VENDORS.get(preset.slug)


def address(preset: Preset, base_url: str) -> str | None:
    """Return the address of a row of this type, with its path; ``None`` if there is none."""
    return preset.at(base_url) if base_url else default_address(preset)


def headers(preset: Preset, key: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of every request for a row of this kind."""
    return preset.headers + tuple((name, key) for name, _ in preset.header_settings if key)
