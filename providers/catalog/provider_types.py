"""The provider types that an admin can add: presets that need a key and an address only. Pure.

A row never falls back on the environment, which is the operator's: not on a key, not on an address.
"""

from providers.catalog.preset import Preset
from providers.catalog.presets import PRESETS

#: Those whose credentials are one key. A cloud's own chain, or a setting beside the key, is the operator's.
PROVIDER_TYPES = {
    slug: preset
    for slug, preset in PRESETS.items()
    if preset.address and all(setting == preset.key for _, setting in preset.header_settings)
}

#: Where the vendors of the wires are. Their SDKs would ask the environment first.
_VENDORS = {
    "openai": "https://api.openai.com/v1",
    "openai-chat": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}


def default_address(preset: Preset) -> str | None:
    """Return the default address of ``preset``, ``None`` if it has none."""
    return preset.base_url or _VENDORS.get(preset.slug)


def address(preset: Preset, base_url: str) -> str | None:
    """Return the address of a row of this type, with its path."""
    return preset.at(base_url) if base_url else default_address(preset)


def headers(preset: Preset, key: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of every request of a row of this type."""
    return preset.headers + tuple((name, key) for name, _ in preset.header_settings if key)
