"""Work that one process at a time does on the database, such as retention."""

from django.db import models


class Upkeep(models.Model):
    """One kind of upkeep: who does it now, and when it was last finished."""

    name = models.CharField(max_length=40, primary_key=True)
    #: The process that does it; empty if none does.
    worker = models.CharField(max_length=64, blank=True)
    #: After this time, ``worker`` counts as dead, and another process may begin.
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "upkeep"

    def __str__(self) -> str:
        return self.name
