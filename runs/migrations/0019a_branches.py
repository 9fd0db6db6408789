"""Messages have parents. Until now each conversation was one branch."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery

#: Conversations whose rows are changed together.
_BATCH = 200


def fill(apps, schema_editor):
    conversations, runs, messages = (
        apps.get_model("runs", name)._base_manager for name in ("Conversation", "Run", "Message")
    )
    before = messages.filter(conversation=OuterRef("conversation"), position__lt=OuterRef("position"))
    first = messages.filter(run=OuterRef("pk")).order_by("position")
    newest = runs.filter(conversation=OuterRef("pk")).order_by("-created_at", "-id")
    ids = list(conversations.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        messages.filter(conversation__in=batch).update(
            parent_id=Subquery(before.order_by("-position").values("id")[:1])
        )
        runs.filter(conversation__in=batch).update(parent_id=Subquery(first.values("parent_id")[:1]))
        conversations.filter(id__in=batch).update(shown_run_id=Subquery(newest.values("id")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0018c_run_by_chosen_id"),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="shown_run_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="parent_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="parent_id",
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="begins",
            field=models.CharField(
                blank=True,
                choices=[("branch", "Branch"), ("again", "Again"), ("continue", "Continue")],
                db_default="",
                default="",
                editable=False,
                max_length=16,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
