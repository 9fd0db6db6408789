from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0021c_share")]

    operations = [
        migrations.AddField(
            model_name="step",
            name="purpose",
            field=models.CharField(
                blank=True,
                choices=[("", "Answer"), ("title", "Title")],
                db_default="",
                default="",
                max_length=16,
            ),
        ),
    ]
