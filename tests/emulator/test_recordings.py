import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from emulator import Emulator
from emulator.recordings import RecordedStream, Recordings
from tests.emulator.listening import WIRES, question

#: Real streams, beside the project and never in it.
REAL = Path(__file__).resolve().parents[3] / "shared" / "recordings"

BODY = 'data: {"text": "Grüße 👋"}\r\n\r\n: a comment\n\ndata: [DONE]\n\n'.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recordings = tmp_path / "recordings"
    for wire in WIRES:
        (recordings / wire).mkdir(parents=True)
        (recordings / wire / "some.body.1.sse").write_bytes(BODY)
    errors = recordings / "errors" / "somebody"
    errors.mkdir(parents=True)
    (errors / "as-object.json").write_text(
        json.dumps({"status": 418, "content_type": "application/problem+json", "body": {"error": "tea"}})
    )
    (errors / "as-text.json").write_text(
        json.dumps({"status": 502, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"})
    )
    (tmp_path / "secret.sse").write_text("data: secret\n\n")
    return recordings


@pytest.fixture
async def playing(folder: Path) -> AsyncIterator[Emulator]:
    emulator = await Emulator.start(recordings=folder)
    yield emulator
    await emulator.close()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=False) as http:
        yield http


def request(emulator: Emulator, wire: str, model: str) -> tuple[str, str]:
    """Return the URL and the body of a request over ``wire``."""
    paths = {
        "openai-chat": "/v1/chat/completions",
        "openai-responses": "/v1/responses",
        "anthropic-messages": "/v1/messages",
        "gemini-generate": f"/v1beta/models/{model}:streamGenerateContent?alt=sse",
    }
    body = {**question(wire, "Hello?"), "model": model, "stream": True}
    if wire == "gemini-generate":
        body = {"contents": [{"parts": [{"text": "Hello?"}]}]}
    return emulator.origin + paths[wire], json.dumps(body)


async def play(
    client: httpx2.AsyncClient, emulator: Emulator, wire: str, model: str
) -> tuple[int, str, list[bytes]]:
    """Return the status, the content type and the chunks of the answer."""
    url, body = request(emulator, wire, model)
    async with client.stream("POST", url, content=body) as answer:
        chunks = [chunk async for chunk in answer.aiter_raw()]
        return answer.status_code, answer.headers["content-type"], chunks


@pytest.mark.parametrize("wire", WIRES)
async def test_it_plays_a_recording_byte_for_byte(playing: Emulator, client: httpx2.AsyncClient, wire: str):
    status, content_type, chunks = await play(client, playing, wire, "recording/some.body.1")

    assert (status, content_type) == (200, "text/event-stream")
    assert chunks == [BODY]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_it_plays_a_recording_in_pieces_of_odd_sizes(
    playing: Emulator, client: httpx2.AsyncClient, wire: str, size: int
):
    _, _, chunks = await play(client, playing, wire, f"recording/some.body.1~{size}")

    assert b"".join(chunks) == BODY
    # The system may deliver two writes at once; it never cuts one.
    assert len(chunks) == 1 if size == 1000 else len(chunks) > 1


def test_it_cuts_around_the_size_that_is_asked_for(folder: Path):
    recorded = Recordings(folder).find("recording/some.body.1~5", wire="openai-chat")

    assert isinstance(recorded, RecordedStream)
    assert [len(piece) for piece in recorded.pieces[:5]] == [5, 6, 1, 11, 5]
    assert b"".join(recorded.pieces) == BODY


@pytest.mark.parametrize(
    ("stem", "status", "content_type", "body"),
    [
        ("as-object", 418, "application/problem+json", b'{"error": "tea"}'),
        ("as-text", 502, "text/html", b"<h1>Bad gateway</h1>"),
    ],
)
@pytest.mark.parametrize("wire", WIRES)
async def test_it_answers_with_a_recorded_error(
    playing: Emulator,
    client: httpx2.AsyncClient,
    wire: str,
    stem: str,
    status: int,
    content_type: str,
    body: bytes,
):
    answer = await play(client, playing, wire, f"error/somebody/{stem}")

    assert answer == (status, content_type, [body])


@pytest.mark.parametrize(
    "model",
    [
        "recording/../../secret",
        "recording/../openai-chat/some.body.1",
        "recording/",
        "recording/..",
        "recording/nothing",
        "recording/nothing~3",
        "recording/some.body.1~0",
        "recording/some.body.1~x",
        "recording/some.body.1~",
        "recording/some\0.body",
        "error/../recordings/errors/somebody/as-text",
        "error/../../secret",
        "error/somebody",
        "error/somebody/",
        "error/./as-text",
        "error/somebody/nothing",
    ],
)
def test_it_finds_nothing_outside_its_folder_or_that_is_not_there(folder: Path, model: str):
    assert Recordings(folder).find(model, wire="openai-chat") is None


def test_it_finds_nothing_without_a_folder():
    assert Recordings(None).find("recording/some.body.1", wire="openai-chat") is None


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded streams are not beside the project")
@pytest.mark.parametrize("wire", WIRES)
async def test_it_plays_every_real_recording_byte_for_byte_whole_and_cut(
    client: httpx2.AsyncClient, wire: str
):
    emulator = await Emulator.start(recordings=REAL)
    files = sorted((REAL / wire).glob("*.sse"))
    assert files
    for file in files:
        for model in (f"recording/{file.stem}", f"recording/{file.stem}~997"):
            _, _, chunks = await play(client, emulator, wire, model)
            assert b"".join(chunks) == file.read_bytes(), model
    await emulator.close()


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded streams are not beside the project")
async def test_it_plays_every_real_error(client: httpx2.AsyncClient):
    emulator = await Emulator.start(recordings=REAL)
    files = sorted((REAL / "errors").glob("*/*.json"))
    assert files
    for file in files:
        recorded = json.loads(file.read_bytes())
        model = f"error/{file.parent.name}/{file.stem}"
        status, _, chunks = await play(client, emulator, "gemini-generate", model)
        assert (status, json.loads(b"".join(chunks))) == (recorded["status"], recorded["body"])
    await emulator.close()
