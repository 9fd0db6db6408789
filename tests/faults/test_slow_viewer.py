"""Viewers that do not read: they cost little, hold up nobody, and get the rest or a clear end."""

from pathlib import Path
from uuid import UUID

import pytest

from runs.log import viewer
from tests.faults.aftermath import assert_call_was_cut, assert_cancelled, assert_sound, said
from tests.faults.client import Client
from tests.faults.flood import write_flood
from tests.faults.line import PROMPTLY, WIRES, Line, is_gone

#: Of the flood's text: more than a viewer may leave unread.
MEGABYTES = 16

#: The model that says it; append the wire.
FLOOD = "emulator/recording/flood"

#: What may lie unread beyond the limit: the frame that crossed it, which holds what was merged.
ONE_FRAME = 1024 * 1024


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    write_flood(folder, name="flood", megabytes=MEGABYTES)
    return folder


@pytest.fixture
def flooding(recordings: Path, settings: object) -> None:
    """Let the emulator play the flood; asked for before ``line``, which starts it."""
    settings.RUNNEL_RECORDINGS_DIR = recordings  # type: ignore[attr-defined]
    settings.RUNNEL_ANSWER_CHARS = 10 * MEGABYTES * 1024 * 1024  # type: ignore[attr-defined]


async def blocked(line: Line, model: str) -> tuple[Client, UUID]:
    """Return a socket that has started a run, reads no more, and has been left to itself."""
    client = await line.client()
    run_id = await client.start(model)
    client.stop_reading()
    await client.until(lambda: client.unread > viewer.PAUSE_ABOVE)
    return client, run_id


@pytest.mark.parametrize("wire", WIRES)
async def test_a_run_is_cancelled_while_its_only_viewer_blocks(flooding: None, line: Line, wire: str) -> None:
    client, run_id = await blocked(line, f"{FLOOD}@{wire}")
    assert await (await line.client()).cancel(run_id) == "requested"
    await line.emulator.wait_for(is_gone, timeout=PROMPTLY)
    client.read_on()
    assert (await client.ended(run_id))["outcome"] == {"type": "cancelled"}
    await line.assert_nothing_left()
    stored = await line.stored(run_id)
    assert_cancelled(stored, cut=True)
    assert_call_was_cut(stored)
    assert client.frames[str(run_id)] == stored.frames
    assert [notice["type"] for notice in client.notices] == ["ready", "lag"]
    assert client.notices[-1]["run_id"] == str(run_id)
    assert client.notices[-1]["behind"] >= 0


async def test_one_that_never_reads_is_dropped_and_holds_up_nobody(flooding: None, line: Line) -> None:
    slow, run_id = await blocked(line, f"{FLOOD}@openai-chat")
    other = await line.client()
    assert (await other.ask("subscribe", run_id=str(run_id)))["type"] == "ok"
    assert (await other.ended(run_id))["outcome"] == {"type": "success"}
    stored = await line.stored(run_id)
    assert len(said(assert_sound(stored))) > MEGABYTES * 1024 * 1024
    assert other.frames[str(run_id)] == stored.frames
    await slow.until(lambda: slow.close_code is not None)
    assert slow.close_code == 4408
    assert slow.unread <= viewer.PAUSE_ABOVE + ONE_FRAME
    assert other.close_code is None
    await line.assert_nothing_left()


async def test_one_that_acknowledges_is_sent_no_more_than_it_has_room_for(flooding: None, line: Line) -> None:
    client = await line.client()
    run_id = await client.start(f"{FLOOD}@anthropic-messages")
    await client.saw(run_id, "TEXT_MESSAGE_CONTENT")
    client.acknowledge(run_id, 1)
    await client.until(lambda: any(notice["type"] == "lag" for notice in client.notices))
    before = len(client.frames[str(run_id)])
    other = await line.client()
    assert await other.cancel(run_id) == "requested"
    await line.emulator.wait_for(is_gone, timeout=PROMPTLY)
    assert len(client.frames[str(run_id)]) == before
    while not client.has_ended(run_id):
        seen = len(client.frames[str(run_id)])
        client.acknowledge(run_id, seen)
        await client.until(lambda: len(client.frames[str(run_id)]) > seen)  # noqa: B023 - awaited here
    assert client.frames[str(run_id)] == (await line.stored(run_id)).frames
    await line.assert_nothing_left()
