"""The event log. Every viewer of a run sees exactly its events."""

from django.db import models

from runs.models.run import Run


class RunEvent(models.Model):
    """A batch of consecutive events of one run that were committed together.

    ``frames`` holds the server frames from ``first_seq`` to ``last_seq`` exactly as viewers get them, one
    JSON text per line. Only ``runs.log.journal`` adds rows; rows never change.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    frames = models.TextField()

    class Meta:
        ordering = ["run", "first_seq"]
        constraints = [models.UniqueConstraint(fields=["run", "first_seq"], name="one_batch_per_seq")]

    def __str__(self) -> str:
        return f"{self.first_seq}–{self.last_seq}"
