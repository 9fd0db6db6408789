"""The models that providers reported last to this process. ``clients.model_lists`` requests them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from providers.types.listed_model import ListedModel

#: Matches the names of models that are not for conversations, such as embeddings and images.
_SILENT = re.compile(
    r"embed|whisper|tts|dall-e|moderation|rerank|transcribe|realtime|imagen|veo|image|audio|guard|sora|ocr|voice|banana|-live-",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    models: tuple[ListedModel, ...]
    at: float


_heard: dict[str, _Heard] = {}


def keep(slug: str, models: tuple[ListedModel, ...]) -> None:
    """Store the models that the provider ``slug`` listed; empty after a failure, which keeps those before."""
    _heard[slug] = _Heard(models=models or listed(slug), at=monotonic())


def listed(slug: str) -> tuple[ListedModel, ...]:
    """Return the models that the provider ``slug`` listed last; none if it was never asked."""
    return _heard[slug].models if slug in _heard else ()


def known(slug: str) -> tuple[str, ...]:
    """Return all names that the provider ``slug`` listed last; none if it was never asked."""
    return tuple(model.name for model in listed(slug))


def age(slug: str) -> float | None:
    """Return the seconds since the provider ``slug`` was asked; ``None`` if it never was."""
    return monotonic() - _heard[slug].at if slug in _heard else None


def best(slug: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names to suggest: the ``usual`` ones that the provider listed, then its other chat models, sorted.

    Return ``usual`` as it is if the provider has listed nothing.
    """
    told = known(slug)
    if not told:
        return usual
    return tuple(dict.fromkeys([*(name for name in usual if name in told), *sorted(talking(told))]))


def talking(names: Iterable[str]) -> tuple[str, ...]:
    """Return the ``names`` that look like models for conversations."""
    return tuple(name for name in names if not _SILENT.search(name))


def forget() -> None:
    """Forget all lists; for tests."""
    _heard.clear()
