from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0031a_claims"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="request_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=200),
        ),
    ]
