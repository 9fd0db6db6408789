from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0030a_log_unavailable"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="claims",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status", "created")), fields=["created_at"], name="run_for_a_worker"
            ),
        ),
    ]
