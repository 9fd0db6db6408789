from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0017a_shown_digest"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            # What every token could do before there were scopes.
            field=models.CharField(
                db_default="read run approve", default="read run approve", editable=False, max_length=100
            ),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="last_used_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
