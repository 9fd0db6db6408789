"""The real transport on loopback; only the name server is played."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore2
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from providers.security.addresses import AddressRefused
from providers.security.pinned import PinnedTransport, check_entered, look_up
from tests.providers.upstream import Upstream, answering, upstream

PUBLIC = "192.0.66.2"


class Names:
    """A name server that gives one answer after the other, and then the last one again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture
async def server() -> AsyncIterator[Upstream]:
    async with upstream(answering("200 OK", b"here")) as running:
        yield running


def client(names: Names, *, allow_loopback: bool = True, context: ssl.SSLContext | None = None):
    transport = PinnedTransport(
        limits=httpx2.Limits(max_connections=None),
        allow_loopback=lambda: allow_loopback,
        lookup=names,
        ssl_context=context,
    )
    return httpx2.AsyncClient(transport=transport, trust_env=False, timeout=5.0)


def port_of(server: Upstream) -> str:
    return server.origin.rpartition(":")[2]


def refusal(error: pytest.ExceptionInfo[httpx2.ConnectError]) -> AddressRefused:
    link: BaseException | None = error.value
    while link is not None:
        if isinstance(link, AddressRefused):
            return link
        link = link.__cause__
    raise AssertionError("nothing was refused")


async def test_it_connects_to_what_the_name_server_said_and_asks_once(server: Upstream) -> None:
    names = Names(["127.0.0.1"])
    async with client(names) as http:
        answer = await http.get(f"http://provider.localhost:{port_of(server)}/v1")
    assert answer.text == "here"
    assert names.asked == [("provider.localhost", int(port_of(server)))]
    assert f"host: provider.localhost:{port_of(server)}".encode() in server.requests[0].lower()


@pytest.mark.parametrize("second", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"])
async def test_a_name_that_leads_elsewhere_after_it_was_entered_gets_no_connection(
    server: Upstream, second: str
) -> None:
    names = Names([PUBLIC], [second])
    url = check_entered(
        f"https://rebind.example.org:{port_of(server)}", allow_loopback=True, lookup=names
    ).replace("https", "http")
    async with client(names) as http:
        with pytest.raises(httpx2.ConnectError) as caught:
            await http.get(url)
    assert "rebind.example.org leads to" in refusal(caught).message
    assert len(names.asked) == 2
    assert not server.requests
    assert not server.asked.is_set()


async def test_one_bad_address_among_good_ones_gets_no_connection(server: Upstream) -> None:
    async with client(Names(["127.0.0.1", PUBLIC])) as http:
        with pytest.raises(httpx2.ConnectError) as caught:
            await http.get(f"http://mixed.example.org:{port_of(server)}")
    assert refusal(caught)
    assert not server.requests


async def test_this_machine_is_refused_where_the_setting_is_off(server: Upstream) -> None:
    async with client(Names(["127.0.0.1"]), allow_loopback=False) as http:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(httpx2.ConnectError) as caught:
                await http.get(f"http://{host}:{port_of(server)}")
            assert "RUNNEL_ALLOW_LOOPBACK_PROVIDERS" in refusal(caught).message
    assert not server.requests


@pytest.mark.parametrize("host", ["127.1", "0x7f000001", "2130706433", "0"])
async def test_old_spellings_of_an_address_lead_where_the_system_says_and_are_refused(
    server: Upstream, host: str
) -> None:
    transport = PinnedTransport(limits=httpx2.Limits(), allow_loopback=lambda: True)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        with pytest.raises(httpx2.ConnectError) as caught:
            await http.get(f"http://{host}:{port_of(server)}")
    assert refusal(caught)
    assert not server.requests


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(server: Upstream) -> None:
    # Nobody listens on 127.8.8.8 at that port.
    async with client(Names(["127.8.8.8", "127.0.0.1"])) as http:
        answer = await http.get(f"http://provider.localhost:{port_of(server)}")
    assert answer.text == "here"


async def test_a_name_that_nobody_knows_is_a_connection_error() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    transport = PinnedTransport(limits=httpx2.Limits(), allow_loopback=lambda: True, lookup=nobody)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        with pytest.raises(httpx2.ConnectError, match="not known"):
            await http.get("https://nowhere.example.org")


async def test_a_name_server_that_says_nothing_holds_no_loop_and_no_call() -> None:
    silence = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(host: str, port: int) -> list[str]:
        asyncio.run_coroutine_threadsafe(silence.wait(), loop).result(10)
        return [PUBLIC]

    transport = PinnedTransport(limits=httpx2.Limits(), allow_loopback=lambda: True, lookup=slow)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as http:
        with pytest.raises(httpx2.ConnectTimeout):
            await http.get("https://slow.example.org", timeout=0.05)
    silence.set()


async def test_no_proxy_of_the_environment_is_asked(
    server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with client(Names(["127.0.0.1"])) as http:
        assert (await http.get(f"http://provider.localhost:{port_of(server)}")).text == "here"


async def test_it_opens_no_socket_file() -> None:
    transport = PinnedTransport(limits=httpx2.Limits(), allow_loopback=lambda: True)
    backend = transport._pool._network_backend
    with pytest.raises(httpcore2.ConnectError):
        await backend.connect_unix_socket("/run/docker.sock")
    await transport.aclose()


class TestTLS:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider.localhost")])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("provider.localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / "certificate.pem"
        path.write_bytes(
            made.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return path

    async def test_the_certificate_is_checked_against_the_name(self, certificate: Path) -> None:
        told: list[str | None] = []
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        serving.load_cert_chain(certificate)
        serving.sni_callback = lambda connection, name, context: told.append(name)
        peer = Upstream(answering("200 OK", b"sealed"))
        listener = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=serving)
        port = listener.sockets[0].getsockname()[1]
        trusting = ssl.create_default_context(cafile=certificate)
        async with listener, client(Names(["127.0.0.1"]), context=trusting) as http:
            assert (await http.get(f"https://provider.localhost:{port}")).text == "sealed"
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await http.get(f"https://other.localhost:{port}")
        assert told == ["provider.localhost", "other.localhost"]


def test_a_form_looks_where_a_name_leads_now() -> None:
    with pytest.raises(AddressRefused, match=r"intranet\.example\.org leads to 10\.0\.0\.1"):
        check_entered("https://intranet.example.org", allow_loopback=False, lookup=Names(["10.0.0.1"]))
    known = check_entered("https://API.example.org/v1/", allow_loopback=False, lookup=Names([PUBLIC]))
    assert known == "https://api.example.org/v1"


def test_a_form_lets_a_name_through_that_nobody_knows_at_the_moment() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    assert check_entered("https://api.example.org", allow_loopback=False, lookup=nobody)


def test_the_system_is_asked_for_addresses() -> None:
    assert "127.0.0.1" in look_up("127.0.0.1", 80)
