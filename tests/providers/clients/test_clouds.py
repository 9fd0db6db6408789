"""Providers whose credentials come from a cloud's own chain.

What gives them out is served here on the same event loop as the provider: were it asked on the loop, it could
never answer.
"""

import base64
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_django.fixtures import Settings

from providers import catalog, clients
from providers.catalog import ProviderUnavailable, Target
from providers.catalog.presets import PRESETS
from providers.clients import sdk_table
from providers.errors import LLMAuthenticationError
from tests.providers.calling import KEY, Call
from tests.providers.catalog.test_presets import parsed
from tests.providers.speaking import messages, saying_hi
from tests.providers.upstream import Upstream, answering, upstream

TOKEN = "ya29.a-token-that-lives-for-an-hour"
JSON = "content-type: application/json"

needs_boto3 = pytest.mark.skipif(find_spec("boto3") is None, reason="make boto3 installs it")


@pytest.fixture(autouse=True)
def clouds(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_clients: None) -> None:
    """Set both clouds up, without credentials, and without those of whoever runs the tests."""
    settings.AWS_REGION = "eu-central-1"
    settings.GOOGLE_CLOUD_PROJECT = "a-project"
    settings.GOOGLE_CLOUD_LOCATION = "global"
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def found(name: str, base_url: str) -> Target:
    return replace(catalog.resolve(name), base_url=base_url)


@cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@asynccontextmanager
async def google(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Upstream]:
    """Serve tokens to a service account that is configured as Google's tools do it."""
    granted = json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode()
    async with upstream(answering("200 OK", granted, JSON)) as server:
        account = {
            "type": "service_account",
            "client_email": "runnel@a-project.example",
            "token_uri": f"{server.origin}/token",
            "private_key": private_key(),
        }
        file = tmp_path / "account.json"
        file.write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield server


@asynccontextmanager
async def amazon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Upstream]:
    """Serve keys as a container's role gets them."""
    granted = {
        "AccessKeyId": "AKIDEXAMPLE",
        "SecretAccessKey": "a-secret-access-key",
        "Token": "a-session-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    async with upstream(answering("200 OK", json.dumps(granted).encode(), JSON)) as server:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.origin}/keys")
        yield server


@pytest.mark.parametrize(
    ("name", "base_path", "path"),
    [
        ("vertex/gem", "", "/v1beta1/PROJECT/publishers/google/models/gem:streamGenerateContent?alt=sse"),
        (
            "vertex/meta/llama",
            "",
            "/v1beta1/PROJECT/publishers/meta/models/llama:streamGenerateContent?alt=sse",
        ),
        ("vertex-anthropic/claude", "/v1", "/v1/PROJECT/publishers/anthropic/models/claude:streamRawPredict"),
    ],
)
async def test_vertex_gets_a_token_off_the_loop_and_keeps_it(
    name: str, base_path: str, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wire = catalog.resolve(name).origin.wire
    async with google(monkeypatch, tmp_path) as tokens, upstream(saying_hi(wire)) as server:
        for _ in range(2):
            call = Call(found(name, server.origin + base_path))
            assert (await call.start()).text == "Hi"
        assert len(tokens.requests) == 1
        for raw in server.requests:
            request = parsed(raw)
            assert request.path == path.replace("PROJECT", "projects/a-project/locations/global")
            assert request.headers["authorization"] == f"Bearer {TOKEN}"


async def test_bedrock_takes_a_key_without_any_package(settings: Settings) -> None:
    settings.AWS_BEARER_TOKEN_BEDROCK = KEY
    async with upstream(saying_hi("anthropic-messages")) as server:
        target = found("bedrock/anthropic.claude-opus-4-8", f"{server.origin}/anthropic")
        assert (await Call(target).start()).text == "Hi"
        request = parsed(server.requests[0])
    assert request.path == "/anthropic/v1/messages"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "anthropic.claude-opus-4-8"


@needs_boto3
async def test_bedrock_signs_with_keys_that_it_got_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    async with amazon(monkeypatch) as keys, upstream(saying_hi("anthropic-messages")) as server:
        target = found("bedrock/anthropic.claude-opus-4-8", f"{server.origin}/anthropic")
        assert (await Call(target).start()).text == "Hi"
        assert len(keys.requests) == 1
        headers = parsed(server.requests[0]).headers
    assert "Credential=AKIDEXAMPLE/" in headers["authorization"]
    assert "/eu-central-1/bedrock-mantle/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "a-session-token"


@needs_boto3
async def test_bedrocks_older_endpoint_is_signed_for_and_its_own_frames_are_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another region, because Anthropic's SDK keeps AWS sessions by what they are made of.
    settings.AWS_REGION = "us-east-1"
    frames = b"".join(amazon_frame(event) for event in messages())
    content_type = "content-type: application/vnd.amazon.eventstream"
    async with amazon(monkeypatch), upstream(answering("200 OK", frames, content_type)) as server:
        model = "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
        assert (await Call(found(f"bedrock-runtime/{model}", server.origin)).start()).text == "Hi"
        request = parsed(server.requests[0])
    assert request.path == f"/model/{model}/invoke-with-response-stream"
    assert "/us-east-1/bedrock/aws4_request" in request.headers["authorization"]
    assert request.body["anthropic_version"]
    assert not {"model", "stream"} & request.body.keys()


def amazon_frame(event: dict[str, object]) -> bytes:
    """Return an event as Bedrock frames it: https://smithy.io/2.0/aws/amazon-eventstream.html."""
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    payload = json.dumps({"bytes": inner}).encode()
    headers = b""
    for name, value in {
        ":event-type": "chunk",
        ":content-type": "application/json",
        ":message-type": "event",
    }.items():
        headers += struct.pack("!B", len(name)) + name.encode() + b"\x07"
        headers += struct.pack("!H", len(value)) + value.encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return message + struct.pack("!I", crc32(message))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("vertex/gemini-3.8-flash", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("vertex-anthropic/claude-sonnet-5-5", "GOOGLE_APPLICATION_CREDENTIALS"),
        pytest.param("bedrock/anthropic.claude-opus-4-8", "AWS_BEARER_TOKEN_BEDROCK", marks=needs_boto3),
        pytest.param("bedrock-runtime/anthropic.claude", "AWS_BEARER_TOKEN_BEDROCK", marks=needs_boto3),
    ],
)
async def test_who_finds_no_credentials_says_where_they_are_looked_for(
    name: str, advice: str, settings: Settings
) -> None:
    settings.AWS_REGION = "ap-south-1"
    async with upstream(saying_hi("anthropic-messages")) as server:
        call = Call(found(name, server.origin))
        error = await call.failure()
        assert not server.requests
    assert type(error) is LLMAuthenticationError
    assert advice in error.message
    assert call.trace.error_code == "llm_authentication"


def test_a_missing_package_is_named_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = replace(PRESETS["bedrock"], package="nobody_has_this")
    monkeypatch.setitem(PRESETS, "bedrock", preset)
    with pytest.raises(ProviderUnavailable, match="make nobody_has_this"):
        catalog.resolve("bedrock/anthropic.claude-opus-4-8")


async def test_warming_up_asks_no_cloud_for_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with google(monkeypatch, tmp_path) as tokens, amazon(monkeypatch) as keys:
        await clients.warm_up()
        assert not tokens.requests
        assert not keys.requests
    assert "could not be warmed up" not in caplog.text


@pytest.mark.parametrize(
    ("slug", "address"),
    [
        ("bedrock", "https://bedrock-mantle.eu-central-1.api.aws/anthropic/"),
        ("bedrock-runtime", "https://bedrock-runtime.eu-central-1.amazonaws.com"),
        ("vertex-anthropic", "https://aiplatform.googleapis.com/v1/"),
    ],
)
async def test_the_region_is_in_the_address(slug: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, slug, replace(PRESETS[slug], package=None))
    target = catalog.resolve(f"{slug}/some-model")
    async with httpx2.AsyncClient() as http:
        client = sdk_table.SDKS[slug].make(http, target, None)
    assert str(client.base_url) == address
