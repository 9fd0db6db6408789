"""Fills a database: copies the rows of one run many times over in SQL, whatever columns its tables have."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from runs.models import Run

#: The tables that grow with use; the others have some rows per user or admin.
_APPS = ("runs", "providers")


def growing() -> Iterator[type[models.Model]]:
    """Yield the models whose rows belong to a run, parents first."""
    found = [model for app in _APPS for model in apps.get_app_config(app).get_models() if _run_field(model)]
    yield from sorted(found, key=lambda model: _RANK.get(model._meta.model_name or "", len(_RANK)))


_RANK = {"conversation": 0, "run": 1, "step": 2}


def _run_field(model: type[models.Model]) -> str | None:
    """Return the column that names a run or, of the conversation, itself."""
    if model._meta.model_name in {"conversation", "run"}:
        return "id"
    columns = [field.column for field in model._meta.local_concrete_fields]
    return "run_id" if "run_id" in columns else None


def clone(run_id: UUID, times: int) -> list[str]:
    """Copy one row of each table that belongs to a run ``times`` times. Return the names of the tables."""
    run = Run.objects.get(pk=run_id)
    with connection.cursor() as cursor:
        return [
            model._meta.db_table
            for model in growing()
            if _clone(
                cursor,
                model,
                run.conversation_id if model._meta.model_name == "conversation" else run_id,
                times,
            )
        ]


def _clone(cursor: Any, model: type[models.Model], key: UUID, times: int) -> bool:
    table, column = model._meta.db_table, _run_field(model)
    rows = model._base_manager.filter(**{column or "id": key}).order_by("pk")
    template = rows.values_list("pk", flat=True).first()
    if template is None:
        return False
    columns, values = [], []
    for field in model._meta.local_concrete_fields:
        if isinstance(field, models.AutoField):
            continue
        columns.append(f'"{field.column}"')
        values.append(_number() if _is_copied_id(field) else f'template."{field.column}"')
    prepared = model._meta.pk.get_db_prep_value(template, connection)
    cursor.execute(
        f"WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < {times}) "
        f'INSERT INTO "{table}" ({", ".join(columns)}) SELECT {", ".join(values)} '
        f'FROM many CROSS JOIN "{table}" AS template WHERE template."{model._meta.pk.column}" = %s',
        [prepared],
    )
    return True


def _is_copied_id(field: Any) -> bool:
    """Return whether a column holds the id of a copied row, so that it is numbered as that row is."""
    target = field.target_field if field.is_relation else field
    return isinstance(target, models.UUIDField)


def _number() -> str:
    """Return SQL for the UUID of the copy with number ``n``."""
    if connection.vendor == "postgresql":
        return "lpad(to_hex(n), 32, '0')::uuid"
    return "printf('%%032x', n)"
