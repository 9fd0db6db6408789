"""What there is to do for a run, built from its row: for a start, for a decision and for a worker alike."""

from providers import catalog
from providers.catalog import Target, cache
from providers.types import ChatMessage
from runs import limits
from runs.calls import offers
from runs.calls.offers import OfferedTools
from runs.engine import paused
from runs.engine.spec import ResumePoint, RunSpec
from runs.engine.step import new_row
from runs.limits import Ceilings
from runs.log.agui import Segment
from runs.models import Run, Step
from runs.services import options
from runs.store import history


def of_run(
    run: Run,
    *,
    number: int,
    targets: tuple[Target, ...],
    offer: OfferedTools,
    ceilings: Ceilings,
    first_step: Step | None = None,
    conversation: tuple[ChatMessage, ...] | None = None,
    resume: ResumePoint | None = None,
) -> RunSpec:
    """Return the task of a run, whose row may not be stored yet.

    Args:
        run: the row.
        number: the number of the segment, from 1.
        targets: the models to ask, beginning with the one to ask next.
        offer: the run's tools.
        ceilings: what its owner may use.
        first_step: the first step of a new run, unsaved; ``None`` for a run that was paused.
        conversation: all messages of a new conversation; ``None`` if they must be read.
        resume: where a run that was paused goes on; ``None`` for a new one.
    """
    return RunSpec(
        segment=Segment(conversation_id=run.conversation_id, run_id=run.pk, number=number),
        owner_id=run.owner_id,
        request_id=run.request_id,
        targets=targets,
        policy=options.retry_policy(run.options, ceilings),
        system=run.system,
        options=options.for_model(run.options) if resume is None else options.going_on(run.options),
        messages=run.input,
        offer=offer,
        max_steps=options.max_steps(run.options, ceilings),
        budget=run.budget,
        first_step=first_step,
        conversation=conversation,
        resume=resume,
    )


def targets_of(run: Run) -> tuple[Target, ...]:
    """Return the targets that a run names.

    Raises:
        CatalogError: one of the models is unknown by now, or its provider is not available.
    """
    return tuple(map(catalog.resolve, _models(run)))


def _models(run: Run) -> tuple[str, ...]:
    return run.model, *run.options.get("fallback_models", ())


def targets_from(run: Run, answered: object) -> tuple[Target, ...]:
    """Return the targets of a run, beginning with the one that has ``answered`` before, by its origin.

    Raises:
        CatalogError: as ``targets_of``.
    """
    targets = targets_of(run)
    place = next((place for place, target in enumerate(targets) if target.origin == answered), 0)
    return targets[place:]


def read(run: Run) -> RunSpec:
    """Return the task of a run that waits for a worker. Reads the database.

    Raises:
        CatalogError: as ``targets_of``.
    """
    ceilings = limits.of(run.owner_id)
    for slug in {model.partition("/")[0] for model in _models(run)}:
        cache.refresh_if_due(slug)
    if run.segment > 1:
        offer, resume, answered = paused.going_on_of(run)
        return of_run(
            run,
            number=run.segment,
            targets=targets_from(run, answered),
            offer=offer,
            ceilings=ceilings,
            resume=resume,
        )
    targets = targets_of(run)
    return of_run(
        run,
        number=run.segment,
        targets=targets,
        offer=offers.stored(run),
        ceilings=ceilings,
        first_step=new_row(run.pk, 1, targets[0]),
        conversation=_all_messages(run),
    )


def _all_messages(run: Run) -> tuple[ChatMessage, ...] | None:
    """Return the messages of a conversation that begins with a run; ``None`` if there are others, or files."""
    if run.parent_id is not None or run.begins or history.files_in(run.input):
        return None
    return history.without_files(history.user_parts(message, {}) for message in run.input)
