"""The event log. Every viewer of a run sees exactly its events."""

from django.db import models
from django.db.models import Q

from runs.models.run import Run


class EventLog(models.Model):
    """How far the log of a run has come, and who may write it. A run without a row has no event yet.

    These two columns are not in the run's row, because each commit changes them, and a database writes a whole
    row at each change: with it, the run's prompt. Only ``runs.log.writer`` makes and changes rows.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, primary_key=True, related_name="log")
    #: The highest committed seq.
    last_seq = models.PositiveIntegerField(default=0, db_default=0)
    #: +1 at each resume or takeover; a process with an older fence may not write.
    fence = models.PositiveIntegerField(default=0, db_default=0)
    #: When ``runs.log.compaction`` compacted the log of the ended run; NULL before.
    compacted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["run"], condition=Q(compacted_at__isnull=True), name="log_to_compact")
        ]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.last_seq}"


class RunEvent(models.Model):
    """Consecutive events of one run, from ``first_seq`` to ``last_seq``.

    ``runs.log.packing`` says what a row holds, and ``runs.log.rows`` reads it. Only ``runs.log.writer`` adds rows,
    and adds events to the newest row of a run until that is large enough. ``runs.log.compaction`` puts the rows of an
    ended run into one. An event never changes, but for the name of an erased user (``runs.log.renaming``).
    """

    # The unique constraint is the index of this column, too.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events", db_index=False)
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    packed = models.BinaryField()

    class Meta:
        ordering = ["run", "first_seq"]
        constraints = [models.UniqueConstraint(fields=["run", "first_seq"], name="one_batch_per_seq")]

    def __str__(self) -> str:
        return f"{self.first_seq}–{self.last_seq}"
