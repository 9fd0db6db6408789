"""The deployment's files, looked at by the programs that read them, where those are installed."""

import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scripts import compose

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
#: Headers that a client must not be able to send past a proxy.
STRIPPED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Daphne-Root-Path")
#: Where programs are looked for.
PATH = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/usr/local/bin"
VARIABLES = {"SECRET_KEY": "s3cret", "POSTGRES_PASSWORD": "pw"}


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"} | environment,
    )


def needs(program: str) -> Any:
    found = shutil.which(program, path=PATH)
    return pytest.mark.skipif(found is None, reason=f"{program} is not installed")


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "runnel.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@needs("nginx")
def test_nginx_takes_its_file(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    text = (DEPLOY / "nginx.conf").read_text()
    text = re.sub(r"ssl_certificate .*;", f"ssl_certificate {cert};", text)
    text = re.sub(r"ssl_certificate_key .*;", f"ssl_certificate_key {key};", text)
    (tmp_path / "runnel.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/runnel.conf; }}"
    )
    done = run("nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


@needs("caddy")
def test_caddy_takes_its_file() -> None:
    done = run(
        "caddy", "validate", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile", UPSTREAMS="a:1 b:2"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_strips_limits_and_hides(name: str) -> None:
    text = (DEPLOY / name).read_text()
    for header in STRIPPED:
        assert re.search(rf"(proxy_set_header|header_up) -?{header}\b", text), header
    for path in ("/healthz", "/readyz", "/metrics"):
        assert path in text
    assert re.search(r"(client_max_body_size|max_size) 21", text)
    # What a browser shows while no server is there.
    assert re.search(r"Retry-After 5", text)
    assert "Runnel is not available at the moment." in text


@pytest.mark.parametrize("unit", ["runnel.service", "runnel@.service", "runnel-worker@.service"])
@needs("systemd-analyze")
def test_systemd_takes_its_units_and_finds_them_hardened(unit: str, tmp_path: Path) -> None:
    text = (DEPLOY / "systemd" / unit).read_text()
    (tmp_path / "runnel" / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "runnel" / ".venv" / "bin" / "python").symlink_to("/bin/true")
    named = unit.replace("@.", "@8000.")
    (tmp_path / named).write_text(text.replace("/opt/runnel", str(tmp_path / "runnel")))

    done = run("systemd-analyze", "verify", "--man=no", tmp_path / named)
    assert done.returncode == 0, done.stderr
    assert "Unknown" not in done.stderr

    judged = run(
        "systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", tmp_path / named
    )
    assert judged.returncode == 0, judged.stdout[-2000:]


@pytest.fixture
def services() -> dict[str, dict[str, Any]]:
    return compose.services(VARIABLES)


def test_the_compose_file_has_what_it_says(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"web1", "web2", "worker1", "worker2", "postgres", "redis", "proxy"}
    for name, command in (("web1", "serve"), ("web2", "serve"), ("worker1", "work"), ("worker2", "work")):
        web = services[name]
        assert web["command"] == [command]
        assert (web["read_only"], web["cap_drop"]) == (True, ["ALL"])
        assert web["environment"]["SECRET_KEY"] == "s3cret"
        assert web["environment"]["RUNNEL_EXECUTOR"] == "procrastinate"
        assert web["environment"]["OPENAI_API_KEY"] == ""
        assert "ports" not in web
    volumes = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["volumes"]
    named = {v.partition(":")[0] for service in services.values() for v in service.get("volumes", ())}
    assert {name for name in named if not name.startswith(".")} == set(volumes)


def test_the_compose_file_sets_known_settings_only(services: dict[str, dict[str, Any]]) -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    for name in {**services["web1"]["environment"], **services["worker1"]["environment"]}:
        assert f"| `{name}` |" in page


def test_workers_differ_from_servers_by_the_port_that_the_image_asks(
    services: dict[str, dict[str, Any]],
) -> None:
    web, worker = services["web1"]["environment"], services["worker1"]["environment"]
    assert worker == web | {"RUNNEL_WORKER_PORT": "8000"}
    assert "http://127.0.0.1:8000/healthz" in (DEPLOY / "Dockerfile").read_text()
    assert "healthcheck" not in services["worker1"]


@pytest.mark.parametrize("missing", VARIABLES)
def test_the_compose_file_demands_its_secrets(missing: str) -> None:
    with pytest.raises(SystemExit, match=f"{missing} is missing"):
        compose.services({name: value for name, value in VARIABLES.items() if name != missing})


@needs("hadolint")
def test_hadolint_finds_nothing_in_the_image_file() -> None:
    done = run(shutil.which("hadolint", path=PATH) or "", DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_every_package_and_runs_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if re.match(r"COPY \w+ ", line)}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert copied == packages | {"static", "templates"}
    allowed = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert copied | {"manage.py", "requirements*.txt"} == allowed
    last_user = [line for line in lines if line.startswith("USER ")][-1]
    assert last_user == "USER 10001:10001"
