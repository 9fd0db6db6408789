from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q

#: Errors that the same messages would cause again.
_REFUSED = ("llm_bad_request", "llm_context_window_exceeded", "llm_unprocessable_entity", "llm_unsupported")


def leave_out(apps: Any, schema_editor: Any) -> None:
    """Leave out the runs that have failed without an answer, so that no conversation stays stuck on one."""
    run, message = apps.get_model("runs", "Run"), apps.get_model("runs", "Message")
    answered = Exists(message.objects.filter(run=OuterRef("pk")).exclude(role="user"))
    failed = run.objects.filter(status="failed")
    failed.filter(Q(error_code__in=_REFUSED) | ~answered).update(left_out_of="*")


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0006_mcp_server"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="left_out_of",
            field=models.CharField(blank=True, editable=False, max_length=32),
        ),
        migrations.RunPython(leave_out, migrations.RunPython.noop),
    ]
