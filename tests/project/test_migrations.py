"""Migrations leave the release before them able to serve: it knows none of the new columns, and all of the old ones."""

from collections.abc import Iterator

import pytest
from django.db.migrations import AddField, DeleteModel, RemoveField, RenameField, RenameModel
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

APPS = ("providers", "runs")
#: Migrations up to this number are older than releases that serve side by side.
OLD = 14
#: What may go, because the release before has not used it any more: ``app.number``, with a reason.
UNUSED: dict[str, str] = {}


def operations() -> Iterator[object]:
    for (app, name), migration in sorted(MigrationLoader(None).disk_migrations.items()):
        if app in APPS and int(name[:4]) > OLD:
            for number, operation in enumerate(migration.operations):
                yield pytest.param(f"{app}.{name}", operation, id=f"{app}.{name}-{number}")


@pytest.mark.parametrize(("migration", "operation"), [*operations()])
def test_the_release_before_it_goes_on(migration: str, operation: Operation) -> None:
    if isinstance(operation, RemoveField | RenameField | DeleteModel | RenameModel):
        assert migration in UNUSED, "drop it one release after the code has stopped using it"
    if isinstance(operation, AddField):
        field = operation.field
        has_value = field.null or field.many_to_many or field.db_default is not NOT_PROVIDED
        assert has_value, f"{operation.model_name}.{operation.name} needs a db_default"
