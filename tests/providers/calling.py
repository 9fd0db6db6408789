"""What tests of the adapter call with: a sink and a recorder that keep everything, and one call."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import uuid4

from providers import catalog
from providers.adapter import StreamAdapter, Timeouts
from providers.call.sink import EventSink
from providers.catalog import Target
from providers.errors import LLMError
from providers.errors.stop_signal import RunCancelled, StopSignal
from providers.types import (
    ChatMessage,
    ModelOptions,
    ModelRequest,
    Origin,
    Role,
    StepResult,
    TextPart,
    ToolSpec,
)
from providers.types.events import ModelEvent, ReasoningDelta, TextDelta
from providers.types.trace import CallContext, TraceRecord

WIRES = ("openai-chat", "openai-responses", "anthropic-messages", "gemini-generate")

#: What the SDK of each wire expects behind an address.
BASE_PATHS = {
    "openai-chat": "/v1",
    "openai-responses": "/v1",
    "anthropic-messages": "",
    "gemini-generate": "",
}

KEY = "sk-test-THIS-KEY-MUST-NOT-LEAK-0123456789"

PATIENT = Timeouts(connect=5, first_byte=20, idle=20)


@dataclass
class Sink(EventSink):
    """Keeps events; ``room`` is cleared by a test that wants the log to be slow."""

    events: list[ModelEvent] = field(default_factory=list)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    blocked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        super().__init__()
        self.room.set()

    def take(self, event: ModelEvent) -> None:
        self.events.append(event)
        if isinstance(event, TextDelta):
            self.heard.set()

    async def wait_for_room(self) -> None:
        if not self.room.is_set():
            self.blocked.set()
        await self.room.wait()

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningDelta))


@dataclass
class Recorder:
    traces: list[TraceRecord] = field(default_factory=list)

    def record(self, trace: TraceRecord) -> None:
        self.traces.append(trace)


@dataclass
class Call:
    """One call in the background, and all that it leaves behind."""

    target: Target
    timeouts: Timeouts = PATIENT
    #: Empty where nothing is asked after ``before``.
    prompt: str = "Tell me something."
    options: ModelOptions = field(default_factory=ModelOptions)
    before: tuple[ChatMessage, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    sink: Sink = field(default_factory=Sink)
    recorder: Recorder = field(default_factory=Recorder)
    cancel: StopSignal = field(default_factory=StopSignal)
    task: asyncio.Task[StepResult] | None = None

    def start(self) -> asyncio.Task[StepResult]:
        self.task = asyncio.create_task(self.run(), name="call under test")
        return self.task

    async def run(self) -> StepResult:
        asked = ChatMessage(role=Role.USER, parts=(TextPart(text=self.prompt),))
        request = ModelRequest(
            origin=self.target.origin,
            messages=(*self.before, asked) if self.prompt else self.before,
            tools=self.tools,
            options=self.options,
            quirks=self.target.quirks,
        )
        adapter = StreamAdapter(self.target, recorder=self.recorder, timeouts=self.timeouts)
        context = CallContext(run_id=uuid4(), step_id=uuid4())
        return await adapter.run(request, call=context, cancel=self.cancel, sink=self.sink)

    async def failure(self) -> LLMError:
        """Run the call and return the error that it must end with."""
        try:
            result = await asyncio.wait_for(self.task or self.start(), 10)
        except LLMError as error:
            return error
        raise AssertionError(f"the call succeeded: {result.text!r}")

    async def cancellation(self) -> RunCancelled:
        """Set the cancel and return what the running call must end with."""
        assert self.task is not None
        self.cancel.set()
        try:
            result = await asyncio.wait_for(self.task, 10)
        except RunCancelled as cancelled:
            return cancelled
        raise AssertionError(f"the call was not cancelled: {result.text!r}")

    @property
    def trace(self) -> TraceRecord:
        """The one trace that every call leaves."""
        (trace,) = self.recorder.traces
        return trace


def emulated(model: str, wire: str) -> Target:
    return catalog.resolve(f"emulator/{model}@{wire}")


def at(origin: str, wire: str, *, model: str = "some-model") -> Target:
    """A configured provider that lives at ``origin``."""
    return Target(
        origin=Origin(wire=wire, provider="test", model=model),
        api_key=KEY,
        base_url=origin + BASE_PATHS[wire],
        emulated=False,
    )


def calls_tasks() -> list[str]:
    """What runs on the loop besides the current test and the emulator: what calls have left behind."""
    names = [
        getattr(task.get_coro(), "__qualname__", repr(task))
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task()
    ]
    return [name for name in names if not name.startswith("Emulator.")]


async def until(condition: Callable[[], bool], *, seconds: float = 2) -> None:
    """Wait for what nothing announces; ``TimeoutError`` when it does not come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
