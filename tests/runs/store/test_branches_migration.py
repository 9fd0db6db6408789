"""A database of an earlier version: each conversation becomes one branch, in the order of its messages."""

from pathlib import Path

from tests.runs.earlier_version import told_by

#: Makes conversations as the version before stored them, migrates, and tells what there is.
SCRIPT = """
from importlib import import_module
apps = earlier("0017c_audit_log")
User, Conversation, Run, Message = (
    apps.get_model(name) for name in ("auth.User", "runs.Conversation", "runs.Run", "runs.Message")
)
ada = User.objects.create(username="ada")
empty = Conversation.objects.create(owner=ada)
ids, last = [], []
for number in range(5):
    conversation = Conversation.objects.create(owner=ada)
    its = []
    for turn in range(2):
        run = Run.objects.create(conversation=conversation, owner=ada, model="m", status="completed")
        its += [
            Message.objects.create(conversation=conversation, run=run, position=2 * turn + place, role=role)
            for place, role in ((1, "user"), (2, "assistant"))
        ]
    ids.append([message.id for message in its])
    last.append(run.id)
import_module("runs.migrations.0019a_branches")._BATCH = 2
call_command("migrate", verbosity=0)

from runs.models import Conversation, Message, Run
from runs.store import branches, history
print(json.dumps({
    "parents": all(
        [Message.objects.get(pk=key).parent_id for key in its] == [None, *its[:-1]] for its in ids
    ),
    "runs": all(
        [run.parent_id for run in Run.objects.filter(messages__in=its).distinct().order_by("created_at")]
        == [None, its[1]]
        for its in ids
    ),
    "shown": all(Conversation.objects.get(runs=key).shown_run_id == key for key in last),
    "branch": [len(branches.messages_of(key)) for key in last[:2]],
    "empty": Conversation.objects.get(pk=empty.pk).shown_run_id,
}))
"""


def test_conversations_of_an_earlier_version_are_one_branch_each(tmp_path: Path) -> None:
    assert told_by(SCRIPT, tmp_path) == {
        "parents": True,
        "runs": True,
        "shown": True,
        "branch": [4, 4],
        "empty": None,
    }
