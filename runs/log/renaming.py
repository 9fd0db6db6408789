"""Takes a person's name out of the log of a run that they stopped. It is the only change of an event that there is."""

from uuid import UUID

import orjson

from providers.packing.compression import compressed
from runs.log.packing import is_compressed, pack, unpack
from runs.models import RunEvent


def rename_who_stopped(run_id: UUID, name: str, new_name: str) -> None:
    """Replace ``name`` in the last event of an ended run. Belongs into a transaction."""
    row = RunEvent.objects.filter(run_id=run_id).order_by("-first_seq").first()
    if row is None:
        return
    *events, last = unpack(run_id, row.packed)
    events.append(last.replace(_member(name), _member(new_name)))
    packed = pack(events)[0].encode()
    row.packed = compressed(packed) if is_compressed(row.packed) else packed
    row.save(update_fields=["packed"])


def _member(name: str) -> str:
    return f'"cancelled_by_name":{orjson.dumps(name).decode()}'
