from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0010_tool_call_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="toolcall",
            name="shown_digest",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
    ]
