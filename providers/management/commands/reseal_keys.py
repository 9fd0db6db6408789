"""``manage.py reseal_keys``: the last step of a change of ``SECRET_KEY``."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from providers.security import vault


class Command(BaseCommand):
    """Seal every stored key with the current secret.

    A model with keys names their field in ``sealed_column``, and each row names the key's destination in ``purpose``.
    """

    help = (
        "Seal the keys of providers, and the secrets of MCP servers, with the current SECRET_KEY, so that the one in "
        "SECRET_KEY_FALLBACKS can go. Fails when one cannot be opened with either."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal again every key that an older secret has sealed; fail with a list of the rows whose key does not open."""
        lost: list[str] = []
        moved = 0
        for model in apps.get_models():
            if column := getattr(model, "sealed_column", None):
                moved += _reseal(model, column, lost)
        self.stdout.write(f"Sealed anew: {moved}.")
        if lost:
            raise CommandError(
                f"The keys of {', '.join(lost)} cannot be opened: the SECRET_KEY that sealed them is gone. "
                "Enter them again."
            )


def _reseal(model: Any, column: str, lost: list[str]) -> int:
    """Seal the rows of ``model`` again; return their number, and add rows whose key does not open to ``lost``."""
    moved = 0
    for row in model.objects.exclude(**{column: ""}):
        sealed = getattr(row, column)
        if vault.is_current(sealed, purpose=row.purpose):
            continue
        try:
            resealed = vault.reseal(sealed, purpose=row.purpose)
        except vault.Unsealable:
            lost.append(str(row))
            continue
        # Unless somebody enters another key at this moment.
        moved += model.objects.filter(pk=row.pk, **{column: sealed}).update(**{column: resealed})
    return moved
