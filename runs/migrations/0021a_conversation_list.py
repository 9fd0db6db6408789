import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

import runs.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0020a_writing_choices"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="is_title_chosen",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="folded_title",
            field=runs.models.fields.FoldedText(of="title"),
        ),
        migrations.AddField(
            model_name="conversation",
            name="is_pinned",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="is_archived",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="folder",
            field=models.CharField(blank=True, db_default="", default="", max_length=60),
        ),
        migrations.AddField(
            model_name="conversation",
            name="seen_at",
            # What ended before this version counts as read.
            field=models.DateTimeField(db_default=Now(), default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="changed_at",
            field=models.DateTimeField(db_default=Now(), default=django.utils.timezone.now, editable=False),
        ),
        migrations.AddField(
            model_name="conversation",
            name="restorable_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="folded_text",
            field=runs.models.fields.FoldedText(of="text"),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["owner", "changed_at"], name="conversation_by_change"),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                condition=models.Q(("is_pinned", True)), fields=["owner"], name="conversation_pinned"
            ),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["owner", "folder"], name="conversation_in_folder"),
        ),
    ]
