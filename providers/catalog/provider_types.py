"""The kinds of provider that can be entered in the admin: presets that need only a key and an address. Pure.

A row never takes a key or an address from the environment, which belongs to the operator.
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
    """Return the usual base URL of ``preset``; ``None`` if it has none and one must be entered."""
    return preset.base_url or _VENDORS.get(preset.slug)


def address(preset: Preset, base_url: str) -> str | None:
    """Return the base URL for a row of this kind, path included; ``None`` if it has none. Empty ``base_url``: the default."""
    return preset.at(base_url) if base_url else default_address(preset)


def headers(preset: Preset, key: str) -> tuple[tuple[str, str], ...]:
    """Return the headers of every request for a row of this kind."""
    return preset.headers + tuple((name, key) for name, _ in preset.header_settings if key)
