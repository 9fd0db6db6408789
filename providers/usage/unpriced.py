"""Says why the cost of a call is unknown, in a few words."""

from providers.types.usage import Usage
from providers.usage import price_lists

NOTHING_REPORTED = "no usage was reported"
NO_LIST = "no prices are known for this provider"
ELSEWHERE = "no price is known at this provider's own address"
NO_PRICE = "no price is known for this model"


def reason(usage: Usage, provider: str) -> str:
    """Return why ``usage`` of a model has no cost.

    Args:
        usage: the usage of a call, a step or a run whose cost is unknown.
        provider: the slug of the provider that answered.
    """
    if usage.input_tokens is usage.output_tokens is None:
        return NOTHING_REPORTED
    sources = price_lists.sources(provider)
    if not sources:
        return NO_LIST
    return NO_PRICE if any(source.is_vendors_list for source in sources) else ELSEWHERE
