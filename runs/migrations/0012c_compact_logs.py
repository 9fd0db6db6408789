from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0012b_packed_events"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventlog",
            name="compacted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="eventlog",
            index=models.Index(
                condition=models.Q(("compacted_at__isnull", True)), fields=["run"], name="log_to_compact"
            ),
        ),
    ]
