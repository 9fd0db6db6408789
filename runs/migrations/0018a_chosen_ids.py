from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0017c_audit_log"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="chosen_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
    ]
