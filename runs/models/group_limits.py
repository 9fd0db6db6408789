"""Limits that an admin sets for the users of a group."""

from typing import Any

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models


def _limit(text: str, *, at_least: int = 1) -> "models.PositiveBigIntegerField[Any, Any]":
    return models.PositiveBigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(at_least)], help_text=text, db_default=None
    )


class GroupLimits(models.Model):
    """The limits of a group's users. An empty field leaves the limit to the settings or to other groups.

    ``runs.limits.ceilings`` decides which limit holds for a user of several groups.
    """

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="limits")
    starts_per_minute = _limit("Runs that a user may start in a minute.")
    runs = _limit("Runs of a user that are live or wait for a decision.")
    sockets = _limit("Open WebSockets of a user, in one process.")
    subscriptions = _limit("Runs and conversations that one socket may follow.")
    frames_per_second = _limit("Frames of a user in a second. A frame counts once for each 512 bytes.")
    stored_megabytes = _limit("Megabytes of files that a user may keep.")
    max_steps = _limit("The most that a user may ask for as options.max_steps.")
    max_retries = _limit("The most that a user may ask for as options.max_retries.", at_least=0)
    calls_per_step = _limit("Function calls in one answer.")
    tokens_per_day = _limit("Tokens that a user's runs may use in 24 hours; 0 for no limit.", at_least=0)
    cost_per_day = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        db_default=None,
        validators=[MinValueValidator(0)],
        help_text="US dollars that a user's runs may cost in 24 hours; 0 for no limit.",
    )

    standing_decisions = models.BooleanField(
        "may allow calls beforehand",
        null=True,
        blank=True,
        db_default=None,
        help_text="Whether a user may allow calls of tools beforehand. If not, each that needs an approval is asked about.",
    )

    class Meta:
        verbose_name = "limits"
        verbose_name_plural = "limits"

    def __str__(self) -> str:
        return f"limits of {self.group}"
