"""Three tabs start, queue, interrupt, steer, cancel and approve at once: nothing is lost, nothing comes twice, all agree."""

import json
import os
import random
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from concurrency.threads import readers
from runs.models import Message, Run
from runs.services.showing import text_of
from runs.states import ACTIVE, RunStatus
from tests.runs.conftest import Connect, Person
from tests.runs.sockets import Json, Socket, is_terminal
from tests.runs.talks import ECHO, STUCK, Talk

pytestmark = pytest.mark.django_db(transaction=True)

#: Interleavings in one test, and the tests. ``make thorough`` plays 200 in all.
ROUNDS, SEEDS = int(os.environ.get("INTERLEAVINGS", "8")) // 2, 2
#: What the tabs send in one round.
FRAMES = 9
TOOLS = {"tools": ["write_note"]}
CALLS = "emulator/calls@openai-chat"


class Tabs:
    """Three tabs of one person that show the same conversation."""

    def __init__(self, talk: Talk, tabs: list[Socket], chance: random.Random) -> None:
        self.talk = talk
        self.tabs = tabs
        self.chance = chance
        self.run_ids = [""]
        #: By the id of a frame that says something: the tab and the text.
        self.said: dict[str, tuple[Socket, str]] = {}

    def act(self, number: int) -> None:
        """Send one frame from one of the tabs, without waiting."""
        tab = self.chance.choice(self.tabs)
        frame_id = f"f{number}"
        text = f"word {number}"
        run_id = self.chance.choice(self.run_ids)
        match self.chance.choice(
            ["start", "queue", "queue", "interrupt", "steer", "steer", "cancel", "approve"]
        ):
            case "cancel":
                tab.send("cancel", run_id=run_id)
            case "approve":
                approve(tab, run_id)
            case "steer":
                tab.send("steer", id=frame_id, run_id=run_id, input=text)
                self.said[frame_id] = tab, text
            case kind:
                calls = self.chance.random() < 0.3
                tab.send(
                    "start",
                    id=frame_id,
                    model=CALLS if calls else ECHO,
                    options=TOOLS,
                    input=f'[[call write_note {{"text": "{text}"}}]]' if calls else text,
                    conversation_id=self.talk.id,
                    when_busy={"start": "reject"}.get(kind, kind),
                )
                self.said[frame_id] = tab, text

    async def answers(self) -> list[str]:
        """Wait for all answers. Return the texts that were taken, and note the runs that they began."""
        taken = []
        for frame_id, (tab, text) in self.said.items():
            answer = await answer_to(tab, frame_id)
            if answer["type"] == "ok":
                taken.append(text)
                self.run_ids.append(answer.get("queued_run_id") or answer["run_id"])
            else:
                assert answer["code"] == "conversation_busy", answer
        return taken

    async def settle(self) -> None:
        """Approve and resume until nothing is under way and nothing waits."""
        tab = self.tabs[0]
        while True:
            seen = len(tab.received)
            rows = await readers.run(self._unfinished)
            if not rows:
                return
            for run_id, status in rows:
                if status == RunStatus.AWAITING_APPROVAL:
                    approve(tab, str(run_id))
            if state_of(tab)["queue"]["paused"]:
                await answer_to(tab, tab.send("queue_resume", conversation_id=self.talk.id))
            await has_more(tab, seen)

    def _unfinished(self) -> list[tuple[UUID, str]]:
        its = Run.objects.filter(conversation_id=self.talk.id, status__in=[*ACTIVE, RunStatus.QUEUED])
        return list(its.values_list("pk", "status"))


async def answer_to(tab: Socket, frame_id: str) -> Json:
    """Wait for the answer to a frame, without reading all that came before each time."""
    mark = f'"id":"{frame_id}",'
    found: list[str] = []

    def is_there() -> bool:
        found[:] = [text for text in tab.received if mark in text[:60]]
        return bool(found)

    await tab.until(is_there)
    answer: Json = json.loads(found[0])
    return answer


def texts(tab: Socket, run_id: str) -> list[str]:
    """Return the events of a run as a tab has them: one that comes twice is dropped, as the protocol says."""
    return sorted(set(tab.texts(run_id)), key=lambda text: int(text.split('"seq":', 1)[1].split(",", 1)[0]))


async def has_more(tab: Socket, count: int) -> None:
    await tab.until(lambda: len(tab.received) > count, STUCK)


async def has_all(tab: Socket, run_id: str, count: int) -> None:
    await tab.until(lambda: len(texts(tab, run_id)) == count)


async def is_empty(tab: Socket) -> None:
    await tab.until(lambda: not state_of(tab)["queue"]["items"])


def approve(tab: Socket, run_id: str) -> None:
    ends = [event for event in tab.events(run_id) if is_terminal(event)]
    pending = ends[-1].get("outcome", {}).get("interrupts", ()) if ends else ()
    resume = [
        {
            "interruptId": each["id"],
            "status": "resolved",
            "payload": {"approved": True},
            "metadata": {"digest": each["metadata"]["digest"]},
        }
        for each in pending
    ]
    if resume:
        tab.send("resolve", run_id=run_id, resume=resume)


def stored(conversation_id: str) -> tuple[Counter[str], Counter[str]]:
    """Return what users have said in all branches, and what was taken out of the queue."""
    messages = Message.objects.filter(conversation_id=conversation_id, role="user")
    removed = Run.objects.filter(conversation_id=conversation_id, queue_place__isnull=False)
    return Counter(message.text for message in messages), Counter(text_of(run.input) for run in removed)


def state_of(tab: Socket) -> Any:
    """Return what a tab was told last about the shown branch and the queue."""
    told = json.loads([text for text in tab.received if '"queue":{' in text][-1])
    return {name: told[name] for name in ("forks", "queue")}


def word_in(text: str) -> str:
    return text.removeprefix('[[call write_note {"text": "').removesuffix('"}]]')


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nothing_is_lost_nothing_comes_twice_and_all_tabs_agree(
    connect: Connect, ada: Person, seed: int
) -> None:
    tabs = [await connect(ada) for _ in range(3)]
    for number in range(ROUNDS):
        await interleave(tabs, ada, random.Random(f"{seed}.{number}"))
        for tab in tabs:
            tab.received.clear()


async def interleave(tabs: list[Socket], ada: Person, chance: random.Random) -> None:
    talk = Talk(ada, tabs[0])
    run_id = await talk.say("the first word", options=TOOLS)
    for tab in tabs:
        await tab.ask("subscribe", conversation_id=talk.id)
    here = Tabs(talk, tabs, chance)
    here.run_ids = [run_id]
    taken: list[str] = []
    for number in range(FRAMES):
        here.act(number)
        if chance.random() < 0.5:
            # The runs that have begun by now can be cancelled, steered and approved.
            taken += await here.answers()
            here.said.clear()
    taken += await here.answers()
    await here.settle()
    said, removed = await readers.run(stored, talk.id)
    words = Counter({word_in(text): count for text, count in (said + removed).items()})
    assert words == Counter(["the first word", *taken])
    await agree(here)


async def agree(here: Tabs) -> None:
    """Check that all tabs have the same events of every run that has begun, and the same queue."""
    runs = await readers.run(
        lambda: list(Run.objects.filter(conversation_id=here.talk.id, queue_place=None).select_related("log"))
    )
    for run in runs[:-1]:
        key = str(run.pk)
        for tab in here.tabs:
            await has_all(tab, key, run.last_seq)
        first, *others = [texts(tab, key) for tab in here.tabs]
        assert all(each == first for each in others)
        events = [json.loads(text)["event"] for text in first]
        ends = [event for event in events if is_terminal(event)]
        assert [end.get("outcome", {}).get("type") for end in ends[:-1]] == ["interrupt"] * (len(ends) - 1)
        assert ends[-1].get("outcome", {}).get("type") != "interrupt"
    for tab in here.tabs:
        await is_empty(tab)
    states = [state_of(tab) for tab in here.tabs]
    assert states == [{"forks": [], "queue": {"paused": None, "items": []}}] * 3
