from typing import Any

from django.db import migrations, models
from django.db.models import F


def mark(apps: Any, schema_editor: Any) -> None:
    """Mark what earlier versions estimated, and how exact their costs are."""
    kinds = {"reported": "exact", "partial": "at_least", "estimated": "about"}
    for name in ("Run", "Step"):
        rows = apps.get_model("runs", name).objects
        rows.filter(usage_source="estimated").update(
            estimated_input_tokens=F("input_tokens"), estimated_output_tokens=F("output_tokens")
        )
        for source, kind in kinds.items():
            rows.filter(usage_source=source, cost__isnull=False).update(cost_is=kind)


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0007_left_out_of"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="cost_is",
            field=models.CharField(
                blank=True,
                choices=[("exact", "exact"), ("about", "about"), ("at_least", "at_least")],
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="estimated_input_tokens",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="estimated_output_tokens",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="step",
            name="cost_is",
            field=models.CharField(
                blank=True,
                choices=[("exact", "exact"), ("about", "about"), ("at_least", "at_least")],
                editable=False,
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="step",
            name="estimated_input_tokens",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="step",
            name="estimated_output_tokens",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
