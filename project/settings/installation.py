"""Where the installation is, what it is connected to, and who executes its runs."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from project import data_folder, secret_key
from project.environment import Mistake, boolean, choice, database, env, redis_address, text, whole, words

BASE_DIR = Path(__file__).resolve().parents[2]

env.read_env(text("RUNNEL_ENV_FILE", str(BASE_DIR / ".env")), recurse=False)

DEBUG = boolean("DEBUG", True)

# The folder with all files that this installation keeps. Other users may not read it.
RUNNEL_DATA_DIR = Path(text("RUNNEL_DATA_DIR", str(BASE_DIR / "var"))).expanduser().absolute()


def _own_secret_key() -> str:
    """Return the key of the data folder, which serves one server: those of another folder would have another key."""
    path = RUNNEL_DATA_DIR / "secret_key"
    chosen = database("DATABASE_URL")
    if chosen is None or chosen["ENGINE"] == "django.db.backends.sqlite3":
        return secret_key.load_or_create(path)
    earlier = f" The key that was used here so far is in {path}." if path.exists() else ""
    raise Mistake(
        "SECRET_KEY must be set beside a DATABASE_URL that several servers can use: "
        f"all of them need the same long, random text.{earlier}"
    )


try:
    data_folder.prepare(RUNNEL_DATA_DIR)
    SECRET_KEY = text("SECRET_KEY") or _own_secret_key()
except OSError as error:
    raise Mistake(
        f"RUNNEL_DATA_DIR takes a folder that Runnel can write, not {RUNNEL_DATA_DIR}: {error.strerror}."
    ) from error
except ValueError as error:
    raise Mistake(f"{error}.") from error
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")


def _default_hosts(bound: str) -> list[str]:
    """Return this machine's own names and the address that the server binds, IPv6 in brackets."""
    hosts = ["localhost", "127.0.0.1", "[::1]"]
    if bound:
        hosts.append(f"[{bound}]" if ":" in bound and not bound.startswith("[") else bound)
    return hosts


ALLOWED_HOSTS = words("ALLOWED_HOSTS") or _default_hosts(text("HOST"))
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
#: Other sites whose pages may open our WebSocket with a user's cookie: "https://app.example.org".
RUNNEL_ALLOWED_ORIGINS = [origin.rstrip("/") for origin in words("RUNNEL_ALLOWED_ORIGINS")]


def _database() -> dict[str, Any]:
    """Return the database of ``DATABASE_URL``, by default a SQLite file in the data folder."""
    chosen = database("DATABASE_URL") or {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": RUNNEL_DATA_DIR / "runnel.sqlite3",
    }
    # Journal, views and consumers use separate threads; persistent connections would accumulate.
    chosen["CONN_MAX_AGE"] = 0
    if chosen["ENGINE"] == "django.db.backends.sqlite3":
        # Measured: Django's defaults fail with "database is locked" as soon as two processes write.
        chosen["OPTIONS"] = {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        } | chosen.get("OPTIONS", {})
        # A file, because threads and child processes of tests must use the same database.
        chosen["TEST"] = {"NAME": RUNNEL_DATA_DIR / "test.sqlite3"}
    elif chosen["ENGINE"] == "django.db.backends.postgresql":
        # Seconds, and milliseconds for the last: a host that is gone counts as gone before leases are over.
        chosen["OPTIONS"] = {
            "connect_timeout": 3,
            "keepalives_idle": 3,
            "keepalives_interval": 1,
            "keepalives_count": 2,
            "tcp_user_timeout": 5000,
        } | chosen.get("OPTIONS", {})
    return chosen


DATABASES = {"default": _database()}
#: Whether to serve a database that a newer version has migrated: to go back by one version.
RUNNEL_NEWER_DATABASE = boolean("RUNNEL_NEWER_DATABASE", False)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

#: What serves under ``manage.py serve``. uvicorn leaves bounds on heads and on connections to a proxy.
RUNNEL_SERVER = choice("RUNNEL_SERVER", "daphne", "uvicorn")
#: Who executes runs: the process that stores them, or workers (``manage.py work``), which needs PostgreSQL.
RUNNEL_EXECUTOR = choice("RUNNEL_EXECUTOR", "inprocess", "procrastinate")
#: Runs that one worker executes at the same time.
RUNNEL_WORKER_RUNS = whole("RUNNEL_WORKER_RUNS", 200, at_least=1)
#: The port on which a worker answers /healthz, /readyz and /metrics; 0 for none.
RUNNEL_WORKER_PORT = whole("RUNNEL_WORKER_PORT", 0, at_most=65535)

#: What processes tell each other, and limits that they share, go through it. If empty, each process is alone with them.
REDIS_URL = redis_address("REDIS_URL")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    # The only Redis layer that kept all sockets open through an outage of Redis.
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

#: The bucket for uploads, in a store that speaks S3; if empty, they are in the data folder.
RUNNEL_S3_BUCKET = text("RUNNEL_S3_BUCKET")
#: Address of the store, if it is not Amazon's.
RUNNEL_S3_ENDPOINT = text("RUNNEL_S3_ENDPOINT")
#: Its region.
RUNNEL_S3_REGION = text("RUNNEL_S3_REGION")
#: What the names of our objects begin with.
RUNNEL_S3_PREFIX = text("RUNNEL_S3_PREFIX")
if RUNNEL_S3_BUCKET and not find_spec("storages"):
    raise Mistake("RUNNEL_S3_BUCKET needs further packages: run `make s3`.")


def _files() -> dict[str, Any]:
    """Return the storage of uploads. They have no public URL; a view sends them to their owner."""
    if not RUNNEL_S3_BUCKET:
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": RUNNEL_DATA_DIR / "files", "file_permissions_mode": 0o600},
        }
    return {
        "BACKEND": "project.s3.FilesInS3",
        # The keys come from where boto3 looks for them: AWS_ACCESS_KEY_ID, a profile, the machine's role.
        "OPTIONS": {
            "bucket_name": RUNNEL_S3_BUCKET,
            "endpoint_url": RUNNEL_S3_ENDPOINT or None,
            "region_name": RUNNEL_S3_REGION or None,
            "location": RUNNEL_S3_PREFIX,
        },
    }


STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "files": _files(),
    "staticfiles": {
        "BACKEND": "project.staticfiles.VersionedStaticFilesStorage"
        if DEBUG
        else "project.staticfiles.HashedStaticFilesStorage"
    },
}
