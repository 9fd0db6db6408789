from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0019b_queues"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="queued_by_token",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
    ]
