"""Conversations have queues."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0019a_branches"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="queue_note",
            field=models.TextField(blank=True, db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="queue_paused",
            field=models.CharField(
                blank=True,
                choices=[("cancelled", "Cancelled"), ("paused", "Paused"), ("not_begun", "Not Begun")],
                db_default="",
                default="",
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="conversation",
            name="queue_revision",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="run",
            name="queue_place",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="steers_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="status",
            field=models.CharField(
                choices=[
                    ("created", "Created"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("awaiting_approval", "Awaiting Approval"),
                    ("completed", "Completed"),
                    ("failed", "Failed"),
                    ("cancelled", "Cancelled"),
                ],
                default="created",
                max_length=24,
            ),
        ),
    ]
