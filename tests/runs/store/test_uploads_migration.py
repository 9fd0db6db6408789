"""A database of an earlier version: the conversations that show an upload are found in its messages."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]

#: Makes messages as the version before stored them, migrates, and tells what there is.
SCRIPT = """
import json, django
django.setup()
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

before = [("runs", "0014b_retention"), ("auth", "0012_alter_user_first_name_max_length")]
call_command("migrate", "auth", verbosity=0)
call_command("migrate", *before[0], verbosity=0)
apps = MigrationExecutor(connection).loader.project_state(before).apps
User, Conversation, Run, Message, File = (
    apps.get_model(name)
    for name in ("auth.User", "runs.Conversation", "runs.Run", "runs.Message", "runs.File")
)
ada = User.objects.create(username="ada")
shown, deleted, unused = (File.objects.create(owner=ada, name="a", size=1) for _ in range(3))
conversations = [Conversation.objects.create(owner=ada) for _ in range(2)]
for conversation in conversations:
    run = Run.objects.create(conversation=conversation, owner=ada, model="m")
    media = [{"kind": "media", "file": str(file.id)} for file in (shown, shown, deleted)]
    for position in range(2):
        Message.objects.create(
            conversation=conversation, run=run, position=position, role="user",
            parts=[{"kind": "text", "text": "x"}, *media],
        )
deleted.delete()
call_command("migrate", verbosity=0)

from runs.models import File
print(json.dumps({
    "expected": [sorted(str(each.pk) for each in conversations), []],
    "found": [
        sorted(str(each.pk) for each in File.objects.get(pk=file.pk).conversations.all())
        for file in (shown, unused)
    ],
}))
"""


def test_uploads_of_an_earlier_version_stay_with_their_conversations(tmp_path: Path) -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "RUNNEL_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["found"] == told["expected"]
