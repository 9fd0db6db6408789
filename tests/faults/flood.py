"""Writes recordings of any size for the emulator, whose own models say too little to block a viewer."""

from pathlib import Path

from emulator.actions import Finish, Say, Tally
from emulator.prompt import Prompt
from emulator.wires import WIRES
from providers.types import FinishReason

_LINE = "The quick brown fox jumps over the lazy dog, and nobody reads what it says.\n"
_DELTA = _LINE * 50


def write_flood(folder: Path, *, name: str, megabytes: int) -> None:
    """Write an answer of ``megabytes`` MB of text for each wire, as the model ``recording/<name>``."""
    deltas = megabytes * 1024 * 1024 // len(_DELTA) + 1
    prompt = Prompt(
        model=name,
        streaming=True,
        user_text="",
        functions=(),
        body={"model": name, "stream_options": {"include_usage": True}},
    )
    for wire in WIRES:
        encoder = wire.encoder(prompt, Tally(input_tokens=1))
        body = b"".join(encoder.encode(Say(_DELTA)) for _ in range(deltas))
        recording = folder / wire.KIND / f"{name}.sse"
        recording.parent.mkdir(parents=True, exist_ok=True)
        recording.write_bytes(body + encoder.encode(Finish(FinishReason.END_TURN)))
