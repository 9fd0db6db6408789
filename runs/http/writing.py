"""What a user has chosen for writing: the settings of a conversation, presets of them, favourite models.

They are proposals for the page and other clients: a run gets what its ``start`` says.
"""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from providers.catalog import LONGEST_NAME
from providers.text.cleaning import clean
from runs.http.json_api import api, error, not_found
from runs.models import Conversation, WritingChoices

#: Characters of a system prompt, which travels with each ``start``.
LONGEST_SYSTEM = 12_000
#: Presets and favourite models of one user.
_MOST_PRESETS = 50
_MOST_FAVOURITES = 100

_Model = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(clean)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Budget(_Strict):
    """The most that one answer may use: US dollars, and tokens of input and output."""

    cost: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None
    tokens: Annotated[int, Field(ge=1, le=10**12)] | None = None


class Settings(_Strict):
    """What the runs of a conversation are started with. What is left out is as usual."""

    system: Annotated[str, Field(max_length=LONGEST_SYSTEM), AfterValidator(clean)] | None = None
    reasoning_effort: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(clean)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    fallback_models: Annotated[list[_Model], Field(max_length=5)] | None = None
    budget: Budget | None = None
    #: What clients propose for the next message; without it, the model of the last run.
    model: _Model | None = None


class Preset(_Strict):
    """Settings under a name."""

    name: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(clean)]
    settings: Settings


class Choices(_Strict):
    """What a user has chosen; what is left out stays as it is."""

    presets: Annotated[list[Preset], Field(max_length=_MOST_PRESETS)] | None = None
    favourite_models: Annotated[list[_Model], Field(max_length=_MOST_FAVOURITES)] | None = None


@api("GET", "PUT")
def choices(request: HttpRequest, user: User) -> JsonResponse:
    """Return the user's presets and favourite models, or store those that are sent."""
    stored = WritingChoices.objects.filter(user=user).first() or WritingChoices(user=user)
    if request.method == "PUT":
        try:
            sent = Choices.model_validate_json(request.body)
        except ValidationError as refusal:
            return _refused(refusal)
        for name, value in sent.model_dump(exclude_none=True).items():
            setattr(stored, name, value)
        stored.save()
    return JsonResponse({"presets": stored.presets, "favourite_models": stored.favourite_models})


@api("PUT", "PATCH")
def conversation_settings(request: HttpRequest, user: User, conversation_id: UUID) -> JsonResponse:
    """Store the settings with which the conversation's runs are started from now on: PUT all at once, PATCH some."""
    own = Conversation.objects.filter(owner=user, id=conversation_id)
    found = own.only("settings").first()
    if found is None:
        return not_found()
    try:
        sent = Settings.model_validate_json(request.body)
    except ValidationError as refusal:
        return _refused(refusal)
    kept = found.settings if request.method == "PATCH" else {}
    stored = kept | sent.model_dump(exclude_none=True)
    own.update(settings=stored)
    return JsonResponse({"settings": stored})


def _refused(refusal: ValidationError) -> JsonResponse:
    """Return a sentence about the first mistake."""
    first = refusal.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return error(HTTPStatus.BAD_REQUEST, "bad_request", ": ".join(filter(None, [place, first["msg"]])) + ".")
