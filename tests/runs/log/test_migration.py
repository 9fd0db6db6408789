"""A database of an earlier version: its runs keep their logs, and what is written after them continues them."""

from pathlib import Path

from tests.runs.earlier_version import told_by

#: Makes two runs as the version before the table of logs stored them, migrates, and tells what there is.
SCRIPT = """
apps = earlier("0010_tool_call_files")
User, Conversation, Run, RunEvent = (
    apps.get_model(name) for name in ("auth.User", "runs.Conversation", "runs.Run", "runs.RunEvent")
)
ada = User.objects.create(username="ada")
runs = []
for last_seq, fence in ((2, 1), (0, 0)):
    conversation = Conversation.objects.create(owner=ada)
    runs.append(
        Run.objects.create(conversation=conversation, owner=ada, model="m", last_seq=last_seq, fence=fence)
    )
sent = [
    f'{{"type":"event","run_id":"{runs[0].pk}","seq":{seq},"event":{{"type":"CUSTOM"}}}}' for seq in (1, 2, 3)
]
RunEvent.objects.create(run=runs[0], first_seq=1, last_seq=2, frames="\\n".join(sent[:2]))
call_command("migrate", verbosity=0)

from runs.log.packing import frame_head, frames
from runs.log.rows import read_events
from runs.log.writer import Append, Group, write_group
from runs.models import Run
appended = write_group(Group([Append(runs[0].pk, 1, 3, ['{"type":"CUSTOM"}'])], []))
found = Run.objects.in_bulk([run.pk for run in runs])
print(json.dumps({
    "sent": sent,
    "refused": sorted(appended.refused),
    "positions": [(found[run.pk].last_seq, found[run.pk].fence) for run in runs],
    "frames": frames(frame_head(runs[0].pk), 1, read_events(runs[0].pk)),
}))
"""


def test_runs_of_an_earlier_version_keep_their_logs(tmp_path: Path) -> None:
    told = told_by(SCRIPT, tmp_path)
    assert told["refused"] == []
    assert told["positions"] == [[3, 1], [0, 0]]
    assert told["frames"] == told["sent"]
