"""All settings, read from the environment and from ``.env`` beside ``manage.py``.

``DEBUG`` is on where nobody said otherwise: the local, embedded mode for one person on one machine
(docs/decisions/0005). With ``DEBUG`` off everything that can be secure by default is. README.md
has the table of what may be set, ``.env.example`` the same with defaults.
"""

from pathlib import Path
from typing import Any

from project import csp, data_folder, logging, secret_key, unfold
from project.environment import Mistake, boolean, database, env, number, text, whole, words

BASE_DIR = Path(__file__).resolve().parent.parent

env.read_env(text("RUNNEL_ENV_FILE", str(BASE_DIR / ".env")), recurse=False)

DEBUG = boolean("DEBUG", True)

# Everything that this installation keeps lies in one folder that nobody else may read.
RUNNEL_DATA_DIR = Path(text("RUNNEL_DATA_DIR", str(BASE_DIR / "var"))).expanduser().absolute()
try:
    data_folder.prepare(RUNNEL_DATA_DIR)
    SECRET_KEY = text("SECRET_KEY") or secret_key.load_or_create(RUNNEL_DATA_DIR / "secret_key")
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
RUNNEL_ALLOWED_ORIGINS = words("RUNNEL_ALLOWED_ORIGINS")

INSTALLED_APPS = [
    # Before staticfiles, so that a plain `runserver` speaks WebSocket too.
    "daphne",
    # Before the admin, whose templates it replaces.
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "channels",
    "providers",
    "runs",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "project.csp.relax_admin_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


UNFOLD = unfold.UNFOLD


def _database() -> dict[str, Any]:
    """Return the database of ``DATABASE_URL``, by default a SQLite file in the data folder."""
    chosen = database("DATABASE_URL") or {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": RUNNEL_DATA_DIR / "runnel.sqlite3",
    }
    # Journal, views and consumers run on threads of their own: kept connections would pile up.
    chosen["CONN_MAX_AGE"] = 0
    if chosen["ENGINE"] == "django.db.backends.sqlite3":
        # Measured: Django's defaults fail with "database is locked" as soon as two processes write.
        chosen["OPTIONS"] = {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        } | chosen.get("OPTIONS", {})
        # A file, because threads and child processes of tests must see the same database.
        chosen["TEST"] = {"NAME": RUNNEL_DATA_DIR / "test.sqlite3"}
    return chosen


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = text("REDIS_URL")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    # Of the layers for Redis only this one kept every socket through an outage.
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = RUNNEL_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# With DEBUG files come from where they lie; without it from STATIC_ROOT, hashed and compressed
# by `manage.py collectstatic`.
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # What users upload. It has no address of its own: a view hands it out to its owner.
    "files": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": RUNNEL_DATA_DIR / "files"},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "project.staticfiles.HashedStaticFilesStorage"
    },
}
SERVESTATIC_USE_FINDERS = DEBUG
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_USE_MANIFEST = not DEBUG
SERVESTATIC_ALLOW_ALL_ORIGINS = False

SECURE_CSP = csp.POLICY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SECURE_SSL_REDIRECT = boolean("SECURE_SSL_REDIRECT", not DEBUG)
SECURE_HSTS_SECONDS = whole("SECURE_HSTS_SECONDS", 0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = boolean("SECURE_HSTS_INCLUDE_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = boolean("SECURE_HSTS_PRELOAD", False)
# Only for a proxy that sets this header itself and strips it from what clients send.
SECURE_PROXY_SSL_HEADER: tuple[str, str] | None = (
    ("HTTP_X_FORWARDED_PROTO", "https") if boolean("RUNNEL_BEHIND_PROXY", False) else None
)
# HSTS for the subdomains and the preload list binds sites that are not ours: the owner of the
# domain decides, so the deployment check does not ask for it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING = logging.configure(debug=DEBUG)

OPENAI_API_KEY = text("OPENAI_API_KEY")
OPENAI_BASE_URL = text("OPENAI_BASE_URL")
ANTHROPIC_API_KEY = text("ANTHROPIC_API_KEY")
ANTHROPIC_BASE_URL = text("ANTHROPIC_BASE_URL")
GEMINI_API_KEY = text("GEMINI_API_KEY") or text("GOOGLE_API_KEY")
GOOGLE_GEMINI_BASE_URL = text("GOOGLE_GEMINI_BASE_URL")

#: What the model field holds in a new conversation; empty for what ``providers.catalog`` knows to be ready.
RUNNEL_DEFAULT_MODEL = text("RUNNEL_DEFAULT_MODEL")
#: Whether the built-in upstream that needs no key may be used.
RUNNEL_EMULATOR = boolean("RUNNEL_EMULATOR", DEBUG)
#: A folder of recorded provider streams that the emulator plays.
RUNNEL_RECORDINGS_DIR = Path(text("RUNNEL_RECORDINGS_DIR")) if text("RUNNEL_RECORDINGS_DIR") else None
#: Whether traces keep requests and responses, or only what they measured.
RUNNEL_TRACE_PAYLOADS = boolean("RUNNEL_TRACE_PAYLOADS", True)

# Limits of one provider call and of one run, in seconds.
RUNNEL_CONNECT_TIMEOUT = number("RUNNEL_CONNECT_TIMEOUT", 10.0, at_least=0.01)
RUNNEL_FIRST_BYTE_TIMEOUT = number("RUNNEL_FIRST_BYTE_TIMEOUT", 120.0, at_least=0.01)
RUNNEL_IDLE_TIMEOUT = number("RUNNEL_IDLE_TIMEOUT", 120.0, at_least=0.01)
RUNNEL_RUN_TIMEOUT = number("RUNNEL_RUN_TIMEOUT", 900.0, at_least=0.01)

#: The longest file that is taken, in megabytes.
RUNNEL_UPLOAD_MB = whole("RUNNEL_UPLOAD_MB", 20, at_least=1)
RUNNEL_MAX_RUNS_PER_USER = whole("RUNNEL_MAX_RUNS_PER_USER", 500, at_least=1)
#: How long runs go on answering when their server was told to stop, in seconds; then they are cancelled.
RUNNEL_DRAIN_SECONDS = number("RUNNEL_DRAIN_SECONDS", 3.0)
#: The shortest time from one commit of the event log to the next, in milliseconds.
RUNNEL_COMMIT_INTERVAL_MS = number("RUNNEL_COMMIT_INTERVAL_MS", 5.0)
RUNNEL_HEARTBEAT_SECONDS = number("RUNNEL_HEARTBEAT_SECONDS", 5.0, at_least=0.01)
#: How long a run stays with a server that sends no heartbeat, in seconds.
RUNNEL_LEASE_SECONDS = number("RUNNEL_LEASE_SECONDS", 20.0, at_least=0.01)
