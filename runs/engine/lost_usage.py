"""Estimates the usage of a step whose worker died, because the provider's report died with the worker."""

from providers.types import ModelRequest, Origin, Part
from providers.types.cost import Cost, CostIs
from providers.types.usage import Usage
from providers.usage import estimates, pricing
from providers.usage.estimates import Missing
from providers.usage.spending import ModelUsage
from runs.models import Run, Step
from runs.store import history
from runs.usage.run_usage import RunUsage, UsageTotals


def of_step(run: Run, step: Step, said: tuple[Part, ...]) -> ModelUsage:
    """Return the usage of a lost step: an estimate if viewers have seen an answer, else unknown counts.

    Args:
        run: the run.
        step: its step that has not ended.
        said: the part of the answer that is in the log.
    """
    origin = Origin(wire=step.wire, provider=step.provider, model=step.model)
    if not said:
        return ModelUsage(provider=origin.provider, model=origin.model, usage=Usage())
    messages = history.of_branch(run.pk)
    request = ModelRequest(origin=origin, messages=messages, system=run.system)
    usage = estimates.filled(
        Usage(),
        Missing(input=True, output=True),
        read=estimates.input_tokens(request),
        written=estimates.output_tokens(said),
    )
    amount = pricing.cost(usage, provider=origin.provider, asked=origin.model)
    cost = None if amount is None else Cost(amount=amount, kind=CostIs.ABOUT)
    return ModelUsage(provider=origin.provider, model=origin.model, usage=usage, cost=cost)


def totals(run: Run, lost: ModelUsage | None) -> UsageTotals:
    """Return the usage of a whole run: of its ended steps, and of the ``lost`` step if there is one."""
    ended = [
        ModelUsage(provider=step.provider, model=step.model, usage=step.usage, cost=step.known_cost)
        for step in run.steps.exclude(finished_at=None)
    ]
    return RunUsage([*ended, *([lost] if lost is not None else ())]).totals
