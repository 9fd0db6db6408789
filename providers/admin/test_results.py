"""Stores what tests of providers, and requests for their models, have found."""

from collections.abc import Sequence

from django.utils import timezone

from providers.admin import connection_test
from providers.admin.connection_test import ConnectionTestResult
from providers.catalog import cache
from providers.models import Provider


def test(asked: Sequence[Provider]) -> list[ConnectionTestResult]:
    """Test the providers and store the results, which are returned in the same order. Takes 20 seconds at most."""
    outcomes = connection_test.test([(cache.read(provider), provider.test_model) for provider in asked])
    for provider, outcome in zip(asked, outcomes, strict=True):
        # An update, not a save: the row may have been saved anew meanwhile.
        Provider.objects.filter(pk=provider.pk).update(
            tested_at=timezone.now(),
            test_passed=outcome.passed,
            test_message=outcome.message,
            test_story=outcome.story,
        )
    return outcomes


def fetch(asked: Sequence[Provider]) -> list[ConnectionTestResult]:
    """Fetch the providers' lists of models, store those that came, and return the results as ``test`` does."""
    outcomes = connection_test.fetch(list(map(cache.read, asked)))
    for provider, outcome in zip(asked, outcomes, strict=True):
        if outcome.models is not None:
            Provider.objects.filter(pk=provider.pk).update(
                model_names=list(outcome.models), model_names_fetched_at=timezone.now()
            )
    # An update sends no signal.
    cache.refresh()
    return outcomes
