from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0018b_sign_ins_in_the_audit_log"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=Q(("chosen_id__isnull", False)), fields=["chosen_id"], name="run_by_chosen_id"
            ),
        ),
    ]
