import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0022a_standing_decisions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preferences",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        blank=True,
                        choices=[("", "As the system is set"), ("light", "Light"), ("dark", "Dark")],
                        db_default="",
                        default="",
                        max_length=8,
                    ),
                ),
                (
                    "date_locale",
                    models.CharField(blank=True, db_default="", default="", max_length=16),
                ),
            ],
            options={"verbose_name_plural": "preferences"},
        ),
    ]
