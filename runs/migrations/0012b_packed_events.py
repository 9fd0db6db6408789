from typing import Any

from django.db import migrations, models


def to_bytes(apps: Any, schema_editor: Any) -> None:
    """Convert the column on PostgreSQL, whose cast from text to bytea would read backslashes as escapes."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE runs_runevent ALTER COLUMN packed TYPE bytea USING convert_to(packed, 'UTF8')"
        )


def to_text(apps: Any, schema_editor: Any) -> None:
    """Convert the column back on PostgreSQL, as ``to_bytes``; what was packed meanwhile stays packed."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE runs_runevent ALTER COLUMN packed TYPE text USING convert_from(packed, 'UTF8')"
        )


class AlterUnlessConverted(migrations.AlterField):
    """Alters the field's column except on PostgreSQL."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0012a_event_log"),
    ]

    operations = [
        migrations.RenameField(model_name="runevent", old_name="frames", new_name="packed"),
        migrations.RunPython(to_bytes, to_text),
        AlterUnlessConverted(model_name="runevent", name="packed", field=models.BinaryField()),
    ]
