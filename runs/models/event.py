"""The event log: the truth of what every viewer of a run sees."""

from django.db import models

from runs.models.run import Run


class RunEvent(models.Model):
    """A batch of consecutive events of one run, committed together.

    ``frames`` holds the server frames exactly as viewers get them, one JSON text a line, from
    ``first_seq`` to ``last_seq``. Only ``runs.log.journal`` writes here; rows never change.
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
