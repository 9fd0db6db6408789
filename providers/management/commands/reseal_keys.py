"""``manage.py reseal_keys``: the last step of a change of ``SECRET_KEY``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from providers import vault
from providers.models import Provider


class Command(BaseCommand):
    """Seal every provider's key with the current secret."""

    help = (
        "Seal the keys of providers with the current SECRET_KEY, so that the one in SECRET_KEY_FALLBACKS can go. "
        "Fails when one cannot be opened with either."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Reseal what an older secret has sealed; name what none opens."""
        lost, moved = [], 0
        for provider in Provider.objects.exclude(sealed_key=""):
            sealed = provider.sealed_key
            if vault.is_current(sealed, purpose=provider.purpose):
                continue
            try:
                resealed = vault.reseal(sealed, purpose=provider.purpose)
            except vault.Unsealable:
                lost.append(provider.slug)
                continue
            # Unless somebody enters another key at this moment.
            moved += Provider.objects.filter(pk=provider.pk, sealed_key=sealed).update(sealed_key=resealed)
        self.stdout.write(f"Sealed anew: {moved}.")
        if lost:
            raise CommandError(
                f"The keys of {', '.join(lost)} cannot be opened: the SECRET_KEY that sealed them is gone. "
                "Enter them again."
            )
