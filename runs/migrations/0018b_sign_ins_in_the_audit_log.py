from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0018a_chosen_ids"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("viewed", "Viewed"),
                    ("added", "Added"),
                    ("changed", "Changed"),
                    ("deleted", "Deleted"),
                    ("cancelled", "Cancelled"),
                    ("approved", "Approved"),
                    ("denied", "Denied"),
                    ("signed in", "Signed In"),
                    ("signed out", "Signed Out"),
                    ("sign-in failed", "Sign In Failed"),
                    ("locked out", "Locked Out"),
                ],
                max_length=16,
            ),
        ),
    ]
