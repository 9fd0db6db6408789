"""What kinds of provider the admin can enter: presets that take a key and an address, and nothing else. Pure.

A row never falls back on the environment, which is the operator's: not on a key, not on an address.
"""

from providers.catalog.preset import Preset
from providers.catalog.presets import PRESETS

#: Those whose credentials are one key. A cloud's own chain, or a setting beside the key, is the operator's.
KINDS = {
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
    """Return where ``preset`` is when nobody says otherwise; ``None`` when somebody has to."""
    return preset.base_url or _VENDORS.get(preset.slug)


def address(preset: Preset, base_url: str) -> str | None:
    """Return where a row of this kind is reached, with the path that belongs to it."""
    return preset.at(base_url) if base_url else default_address(preset)


def headers(preset: Preset, key: str) -> tuple[tuple[str, str], ...]:
    """Return what goes along with every request of a row of this kind."""
    return preset.headers + tuple((name, key) for name, _ in preset.header_settings if key)
