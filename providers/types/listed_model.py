"""A model in a provider's list, with what the list says of it."""

from dataclasses import dataclass
from enum import StrEnum


class Ability(StrEnum):
    """What a model can do beside answering text with text."""

    #: It reads pictures.
    IMAGES = "images"
    #: It reads documents such as PDF.
    DOCUMENTS = "documents"
    #: It listens to sound.
    AUDIO = "audio"
    #: It can think before it answers.
    THINKING = "thinking"
    #: It calls functions.
    TOOLS = "tools"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedModel:
    """One model of a provider's list. What the list does not say is empty."""

    name: str
    #: Its name for people.
    title: str = ""
    #: Tokens that fit into its context.
    context_window: int | None = None
    #: What it certainly can; a list may say nothing of what a model can do.
    abilities: frozenset[Ability] = frozenset()
