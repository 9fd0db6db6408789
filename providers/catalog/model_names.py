"""The models that providers have told of, as this process heard it last. It asks nobody: ``models_list`` does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

#: Models that do not talk, by their names: nobody looks for them where a conversation begins.
_SILENT = re.compile(
    r"embed|whisper|tts|dall-e|moderation|rerank|transcribe|realtime|imagen|veo|image|audio|guard|sora|ocr",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    names: tuple[str, ...]
    at: float


_heard: dict[str, _Heard] = {}


def keep(slug: str, names: tuple[str, ...]) -> None:
    """Take what the provider ``slug`` has just told; nothing, where it could not be asked, is no news."""
    before = _heard[slug].names if slug in _heard else ()
    _heard[slug] = _Heard(names=names or before, at=monotonic())


def known(slug: str) -> tuple[str, ...]:
    """Return all that the provider ``slug`` has told last."""
    return _heard[slug].names if slug in _heard else ()


def age(slug: str) -> float | None:
    """Return how many seconds ago the provider ``slug`` was asked; ``None`` when it never was."""
    return monotonic() - _heard[slug].at if slug in _heard else None


def best(slug: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names to suggest: the ``usual`` ones first, as far as the provider has them, then its others."""
    told = known(slug)
    if not told:
        return usual
    return tuple(dict.fromkeys([*(name for name in usual if name in told), *sorted(talking(told))]))


def talking(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``names`` whose models can be talked to, by the look of them."""
    return tuple(name for name in names if not _SILENT.search(name))


def forget() -> None:
    """Know nothing, as at the start."""
    _heard.clear()
