"""Fills the columns of the search for the rows of earlier versions, in batches with a commit after each."""

from django.db import migrations

from runs.models.fields import folded

_BATCH = 200


def _text(message):
    return "".join(part["text"] for part in message.parts if part["kind"] == "text")


def _fill(rows, column, text_of):
    last = None
    while batch := list((rows.filter(pk__gt=last) if last else rows).order_by("pk")[:_BATCH]):
        for row in batch:
            setattr(row, column, folded(text_of(row)))
        # The field's own ``pre_save`` needs the attributes of today's models.
        for row in batch:
            rows.model._default_manager.filter(pk=row.pk).update(**{column: getattr(row, column)})
        last = batch[-1].pk


def fill(apps, schema_editor):
    conversations = apps.get_model("runs", "Conversation")._base_manager.filter(folded_title="")
    _fill(conversations.only("pk", "title"), "folded_title", lambda row: row.title)
    messages = apps.get_model("runs", "Message")._base_manager.filter(folded_text="")
    _fill(messages.only("pk", "parts"), "folded_text", _text)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("runs", "0021a_conversation_list")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
