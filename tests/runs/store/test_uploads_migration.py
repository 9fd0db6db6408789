"""A database of an earlier version: the conversations that show an upload are found in its messages."""

from pathlib import Path

from tests.runs.earlier_version import told_by

#: Makes messages as the version before stored them, migrates, and tells what there is.
SCRIPT = """
apps = earlier("0014b_retention")
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
    told = told_by(SCRIPT, tmp_path)
    assert told["found"] == told["expected"]
