"""Which conversations show an upload. Until now only the messages said it."""

from uuid import UUID

from django.db import migrations, models

#: Rows that are written at once.
_BATCH = 500


def fill(apps, schema_editor):
    messages, files = apps.get_model("runs", "Message").objects, apps.get_model("runs", "File").objects
    shown = files.model.conversations.through
    uploads = set(files.filter(run=None).values_list("id", flat=True))
    if not uploads:
        return
    found = set()

    def write():
        shown.objects.bulk_create(
            [shown(conversation_id=conversation_id, file_id=file_id) for conversation_id, file_id in found],
            ignore_conflicts=True,
        )
        found.clear()

    asked = messages.filter(role="user").order_by("id").values_list("conversation_id", "parts")
    for conversation_id, parts in asked.iterator(_BATCH):
        named = {UUID(part["file"]) for part in parts if "file" in part}
        found |= {(conversation_id, file_id) for file_id in named & uploads}
        if len(found) >= _BATCH:
            write()
    write()


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0014b_retention"),
    ]

    operations = [
        migrations.AddField(
            model_name="file",
            name="conversations",
            field=models.ManyToManyField(
                blank=True, editable=False, related_name="uploads", to="runs.conversation"
            ),
        ),
        migrations.AddIndex(
            model_name="file",
            index=models.Index(
                condition=models.Q(("run", None)), fields=["created_at"], name="upload_by_age"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
