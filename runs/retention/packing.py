"""Packs the payloads of traces that an earlier version stored whole."""

from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

from django.db.models import Q

from providers.models import ProviderTrace, trace_store
from runs.models import Conversation, Run
from runs.retention.pace import Pace

#: Traces that are read at once.
_READ = 20


def pack(pace: Pace) -> int:
    """Pack all such payloads, and return how many traces there were. A trace without its run keeps them as they are."""
    unpacked = ProviderTrace.objects.filter(
        Q(unpacked_request__isnull=False) | Q(unpacked_response__isnull=False)
    )
    conversations = dict(
        Run.objects.filter(pk__in=unpacked.values("run_id")).values_list("pk", "conversation_id")
    )
    keys = [
        (conversations[run_id], pk)
        for pk, run_id in unpacked.order_by("pk").values_list("pk", "run_id")
        if run_id in conversations
    ]
    keys.sort()
    for scope, of_scope in groupby(keys, key=lambda key: key[0]):
        ids = [pk for _, pk in of_scope]
        for first in range(0, len(ids), _READ):
            _pack(scope, ids[first : first + _READ], pace)
    return len(keys)


def _pack(scope: UUID, ids: Sequence[UUID], pace: Pace) -> None:
    # Not in the transaction: cutting and compressing takes longer than storing.
    packed = trace_store.pack_old(ProviderTrace.objects.filter(pk__in=ids).order_by("pk"), scope)

    def store(_: object) -> None:
        # A conversation that was deleted or erased meanwhile takes no pieces any more.
        if Conversation.objects.select_for_update().filter(pk=scope).exists():
            packed.update()

    pace.each_part([scope], store)
