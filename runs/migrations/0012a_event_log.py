import django.db.models.deletion
from django.db import migrations, models

# One statement each: the rows never leave the database.
CARRY_OVER = """
    INSERT INTO runs_eventlog (run_id, last_seq, fence)
    SELECT id, last_seq, fence FROM runs_run WHERE last_seq > 0 OR fence > 0
"""
CARRY_BACK = """
    UPDATE runs_run SET last_seq = log.last_seq, fence = log.fence
    FROM runs_eventlog AS log WHERE log.run_id = runs_run.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0010_tool_call_files"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventLog",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="log",
                        serialize=False,
                        to="runs.run",
                    ),
                ),
                ("last_seq", models.PositiveIntegerField(db_default=0, default=0)),
                ("fence", models.PositiveIntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.RunSQL(CARRY_OVER, CARRY_BACK),
        migrations.RemoveField(model_name="run", name="fence"),
        migrations.RemoveField(model_name="run", name="last_seq"),
        migrations.AlterField(
            model_name="runevent",
            name="run",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="events",
                to="runs.run",
            ),
        ),
    ]
