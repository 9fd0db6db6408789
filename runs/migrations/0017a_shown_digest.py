from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0016a_group_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="toolcall",
            name="shown_digest",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
    ]
