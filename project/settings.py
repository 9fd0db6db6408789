"""All settings, read from the environment and from ``.env`` beside ``manage.py``.

``DEBUG`` is on by default: the local mode for one person on one machine (docs/decisions/0005). With ``DEBUG``
off, the secure value of each setting is the default.
``docs/settings.md`` lists every variable with its default; a test compares the two.
"""

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import global_settings

from project import csp, data_folder, logging, secret_key, unfold
from project.environment import Mistake, boolean, choice, database, days, env, number, text, whole, words

BASE_DIR = Path(__file__).resolve().parent.parent

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

INSTALLED_APPS = [
    # Before staticfiles, so that `runserver` serves WebSockets too.
    "daphne",
    # Before the admin, because it replaces the admin's templates.
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "channels",
    "axes",
    "emulator",
    "providers",
    "runs",
]

MIDDLEWARE = [
    # First: it sees the answer as it is sent.
    "project.unread.take_large_answers",
    "project.headers.add_headers",
    "django.middleware.security.SecurityMiddleware",
    "project.compression.CompressionMiddleware",
    "project.staticfiles.serve_versions",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "project.csp.relax_admin_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "project.sessions.renew_sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "runs.access.sign_in.limit_waiting",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "runs.access.audit.note_looks",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "project.error_pages.replace_technical_404",
    # Last: it replaces the answer to a sign-in that is refused.
    "axes.middleware.AxesMiddleware",
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
                "runs.http.appearance.appearance",
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

#: Who executes runs: the process that stores them, or workers (``manage.py work``), which needs PostgreSQL.
RUNNEL_EXECUTOR = choice("RUNNEL_EXECUTOR", "inprocess", "procrastinate")
if RUNNEL_EXECUTOR == "procrastinate" and DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    INSTALLED_APPS.append("procrastinate.contrib.django")
#: Runs that one worker executes at the same time.
RUNNEL_WORKER_RUNS = whole("RUNNEL_WORKER_RUNS", 200, at_least=1)
#: The port on which a worker answers /healthz, /readyz and /metrics; 0 for none.
RUNNEL_WORKER_PORT = whole("RUNNEL_WORKER_PORT", 0, at_most=65535)

REDIS_URL = text("REDIS_URL")
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    # The only Redis layer that kept all sockets open through an outage of Redis.
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

PASSWORD_HASHERS = ["project.hashing.PooledPasswordHasher", *global_settings.PASSWORD_HASHERS[1:]]
AUTHENTICATION_BACKENDS = [
    # First: it refuses a sign-in before its password is hashed.
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

#: Failed sign-ins of one user name from one address after which no more are taken.
RUNNEL_SIGN_IN_FAILURES = whole("RUNNEL_SIGN_IN_FAILURES", 10, at_least=1)
#: The same for one address with any user names.
RUNNEL_SIGN_IN_FAILURES_PER_ADDRESS = whole("RUNNEL_SIGN_IN_FAILURES_PER_ADDRESS", 100, at_least=1)
#: Minutes after the last failure until sign-ins are taken again.
RUNNEL_SIGN_IN_LOCK_MINUTES = whole("RUNNEL_SIGN_IN_LOCK_MINUTES", 15, at_least=1)
#: Wrong API tokens from one address in a minute, after which only tokens that were right before are looked up.
RUNNEL_WRONG_TOKENS_PER_MINUTE = whole("RUNNEL_WRONG_TOKENS_PER_MINUTE", 30, at_least=1)
AXES_HANDLER = "runs.access.sign_in.Handler"
AXES_FAILURE_LIMIT = RUNNEL_SIGN_IN_FAILURES
AXES_COOLOFF_TIME = timedelta(minutes=RUNNEL_SIGN_IN_LOCK_MINUTES)
# Nobody locks a user out from elsewhere.
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "runs.access.sign_in.refused"
AXES_CLIENT_IP_CALLABLE = "runs.access.addresses.of_request"
AXES_RESET_ON_SUCCESS = True
# Attempts while an account is locked do not lock it for longer.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
# Ours are in runs/admin/sign_ins.py.
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = RUNNEL_DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]

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
# With DEBUG, static files are served from their source folders, under addresses with a version. Without it, they are
# served from STATIC_ROOT, where `manage.py collectstatic` puts hashed and compressed copies.
SERVESTATIC_USE_FINDERS = DEBUG
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_USE_MANIFEST = not DEBUG
SERVESTATIC_ALLOW_ALL_ORIGINS = False

SECURE_CSP = csp.POLICY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
if not DEBUG:
    # Browsers take cookies of these names only from this very host, over https: no other host of the domain sets them.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
#: Hours without a request after which a user has to sign in again.
RUNNEL_SESSION_IDLE_HOURS = number("RUNNEL_SESSION_IDLE_HOURS", 336.0 if DEBUG else 12.0, at_least=0.01)
SESSION_COOKIE_AGE = int(RUNNEL_SESSION_IDLE_HOURS * 3600)
DEFAULT_EXCEPTION_REPORTER = "project.error_pages.Reporter"
SECURE_SSL_REDIRECT = boolean("SECURE_SSL_REDIRECT", not DEBUG)
SECURE_HSTS_SECONDS = whole("SECURE_HSTS_SECONDS", 0 if DEBUG else 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = boolean("SECURE_HSTS_INCLUDE_SUBDOMAINS", False)
SECURE_HSTS_PRELOAD = boolean("SECURE_HSTS_PRELOAD", False)
#: Whether a proxy in front sets X-Forwarded-Proto, and appends the client's address to X-Forwarded-For.
RUNNEL_BEHIND_PROXY = boolean("RUNNEL_BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER: tuple[str, str] | None = (
    ("HTTP_X_FORWARDED_PROTO", "https") if RUNNEL_BEHIND_PROXY else None
)
# HSTS for subdomains and preload affects other sites of the domain. Its owner decides, so the deployment
# check does not demand them.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING = logging.configure(debug=DEBUG)

# Keys and base URLs of the providers in providers/catalog/presets.py.
OPENAI_API_KEY, OPENAI_BASE_URL = text("OPENAI_API_KEY"), text("OPENAI_BASE_URL")
ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL = text("ANTHROPIC_API_KEY"), text("ANTHROPIC_BASE_URL")
GEMINI_API_KEY = text("GEMINI_API_KEY") or text("GOOGLE_API_KEY")
GOOGLE_GEMINI_BASE_URL = text("GOOGLE_GEMINI_BASE_URL")
AZURE_OPENAI_API_KEY = text("AZURE_OPENAI_API_KEY")
AZURE_OPENAI_ENDPOINT = text("AZURE_OPENAI_ENDPOINT")
AWS_REGION = text("AWS_REGION") or text("AWS_DEFAULT_REGION")
AWS_BEARER_TOKEN_BEDROCK = text("AWS_BEARER_TOKEN_BEDROCK")
GOOGLE_CLOUD_PROJECT = text("GOOGLE_CLOUD_PROJECT")
GOOGLE_CLOUD_LOCATION = text("GOOGLE_CLOUD_LOCATION", "global")
CHATGPT_ACCESS_TOKEN = text("CHATGPT_ACCESS_TOKEN")
CHATGPT_ACCOUNT_ID = text("CHATGPT_ACCOUNT_ID")
CHATGPT_BASE_URL = text("CHATGPT_BASE_URL")
DEEPSEEK_API_KEY, DEEPSEEK_BASE_URL = text("DEEPSEEK_API_KEY"), text("DEEPSEEK_BASE_URL")
ZAI_API_KEY, ZAI_BASE_URL = text("ZAI_API_KEY"), text("ZAI_BASE_URL")
XAI_API_KEY, XAI_BASE_URL = text("XAI_API_KEY"), text("XAI_BASE_URL")
GROQ_API_KEY, GROQ_BASE_URL = text("GROQ_API_KEY"), text("GROQ_BASE_URL")
MISTRAL_API_KEY, MISTRAL_BASE_URL = text("MISTRAL_API_KEY"), text("MISTRAL_BASE_URL")
OPENROUTER_API_KEY, OPENROUTER_BASE_URL = text("OPENROUTER_API_KEY"), text("OPENROUTER_BASE_URL")
TOGETHER_API_KEY, TOGETHER_BASE_URL = text("TOGETHER_API_KEY"), text("TOGETHER_BASE_URL")
FIREWORKS_API_KEY, FIREWORKS_BASE_URL = text("FIREWORKS_API_KEY"), text("FIREWORKS_BASE_URL")
# Self-hosted servers. The base URL enables them; most need no key.
OLLAMA_API_KEY, OLLAMA_BASE_URL = text("OLLAMA_API_KEY"), text("OLLAMA_BASE_URL")
VLLM_API_KEY, VLLM_BASE_URL = text("VLLM_API_KEY"), text("VLLM_BASE_URL")
LMSTUDIO_API_KEY, LMSTUDIO_BASE_URL = text("LMSTUDIO_API_KEY"), text("LMSTUDIO_BASE_URL")
RUNNEL_OPENAI_COMPATIBLE_API_KEY = text("RUNNEL_OPENAI_COMPATIBLE_API_KEY")
RUNNEL_OPENAI_COMPATIBLE_BASE_URL = text("RUNNEL_OPENAI_COMPATIBLE_BASE_URL")
RUNNEL_ANTHROPIC_COMPATIBLE_API_KEY = text("RUNNEL_ANTHROPIC_COMPATIBLE_API_KEY")
RUNNEL_ANTHROPIC_COMPATIBLE_BASE_URL = text("RUNNEL_ANTHROPIC_COMPATIBLE_BASE_URL")
RUNNEL_GEMINI_COMPATIBLE_API_KEY = text("RUNNEL_GEMINI_COMPATIBLE_API_KEY")
RUNNEL_GEMINI_COMPATIBLE_BASE_URL = text("RUNNEL_GEMINI_COMPATIBLE_BASE_URL")

#: Whether a provider or an MCP server entered in the admin may have a loopback address, also with http.
RUNNEL_ALLOW_LOOPBACK_PROVIDERS = boolean("RUNNEL_ALLOW_LOOPBACK_PROVIDERS", False)
#: Whether MCP servers may be commands, which run as this server's user.
RUNNEL_ALLOW_STDIO_MCP = boolean("RUNNEL_ALLOW_STDIO_MCP", True)

#: Fields of `provider_options` that are allowed beside those that only shape the answer; "*" allows all, "none" none.
RUNNEL_ALLOW_PROVIDER_OPTIONS = words("RUNNEL_ALLOW_PROVIDER_OPTIONS", "tools.web_search")
#: The model of a new conversation; if empty, ``providers.catalog`` chooses one that is ready.
RUNNEL_DEFAULT_MODEL = text("RUNNEL_DEFAULT_MODEL")
#: The model that gives new conversations a title, as `provider/name`; if empty, the title is the first words.
RUNNEL_TITLE_MODEL = text("RUNNEL_TITLE_MODEL")
#: Whether the emulator, the built-in provider without a key, may be used.
RUNNEL_EMULATOR = boolean("RUNNEL_EMULATOR", DEBUG)
#: Whether the server regularly requests the providers' model lists, for suggestions.
RUNNEL_LIST_MODELS = boolean("RUNNEL_LIST_MODELS", False)
#: A folder with recorded provider streams that the emulator plays.
RUNNEL_RECORDINGS_DIR = Path(text("RUNNEL_RECORDINGS_DIR")) if text("RUNNEL_RECORDINGS_DIR") else None
#: Whether traces store requests and responses, or only measurements.
RUNNEL_TRACE_PAYLOADS = boolean("RUNNEL_TRACE_PAYLOADS", True)

# Time limits of one provider call (the first four) and of one run, in seconds.
RUNNEL_CONNECT_TIMEOUT = number("RUNNEL_CONNECT_TIMEOUT", 10.0, at_least=0.01)
RUNNEL_FIRST_BYTE_TIMEOUT = number("RUNNEL_FIRST_BYTE_TIMEOUT", 120.0, at_least=0.01)
RUNNEL_IDLE_TIMEOUT = number("RUNNEL_IDLE_TIMEOUT", 120.0, at_least=0.01)
#: The longest pause between two events while comments and pings keep the connection open.
RUNNEL_KEEPALIVE_TIMEOUT = number("RUNNEL_KEEPALIVE_TIMEOUT", 600.0, at_least=0.01)
RUNNEL_RUN_TIMEOUT = number("RUNNEL_RUN_TIMEOUT", 900.0, at_least=0.01)
#: Seconds that a run waits for a person's decision or a client's result; 0 means no limit.
RUNNEL_APPROVAL_TIMEOUT = number("RUNNEL_APPROVAL_TIMEOUT", 86_400.0, at_least=0.0)
#: Whether an approval must name the digest of what it approves.
RUNNEL_APPROVAL_NEEDS_DIGEST = boolean("RUNNEL_APPROVAL_NEEDS_DIGEST", True)
#: Whether users may allow calls beforehand. If not, each call that needs an approval is asked about.
RUNNEL_STANDING_DECISIONS = boolean("RUNNEL_STANDING_DECISIONS", True)
#: The most provider calls of a run whose start sets no `max_steps`.
RUNNEL_MAX_STEPS = whole("RUNNEL_MAX_STEPS", 20, at_least=1)
#: How often in a row a run goes on after `pause_turn`, with which Anthropic's server tools interrupt an answer.
RUNNEL_MAX_CONTINUATIONS = whole("RUNNEL_MAX_CONTINUATIONS", 10)
#: Characters of a tool's result that the model gets. The result's event must fit into a frame of 1 MiB.
RUNNEL_TOOL_RESULT_CHARS = whole("RUNNEL_TOOL_RESULT_CHARS", 100_000, at_least=100, at_most=150_000)
#: Sessions with one MCP server at the same time, in one process: one for each conversation that uses it.
RUNNEL_MCP_SESSIONS = whole("RUNNEL_MCP_SESSIONS", 32, at_least=1)
#: Tools of one MCP server that are listed; the admin is told of the rest.
RUNNEL_MCP_TOOLS = whole("RUNNEL_MCP_TOOLS", 500, at_least=1)
#: The longest answer of an MCP server that is read, in megabytes.
RUNNEL_MCP_ANSWER_MB = whole("RUNNEL_MCP_ANSWER_MB", 32, at_least=1)
#: Characters of a description at which that of an MCP server's tool is cut. OpenAI accepts 1,024.
RUNNEL_TOOL_DESCRIPTION_CHARS = whole("RUNNEL_TOOL_DESCRIPTION_CHARS", 1_024, at_least=1, at_most=10_000)

# Size limits of one provider call. An answer beyond one of them fails, and keeps what was said before.
#: The largest event of a stream, and the largest answer that is JSON and no stream, in megabytes.
RUNNEL_EVENT_MB = whole("RUNNEL_EVENT_MB", 32, at_least=1)
#: The largest answer, decompressed, in megabytes.
RUNNEL_RESPONSE_MB = whole("RUNNEL_RESPONSE_MB", 512, at_least=1)
#: How many times its compressed size an answer beyond 8 megabytes may have.
RUNNEL_COMPRESSION_RATIO = whole("RUNNEL_COMPRESSION_RATIO", 200, at_least=2)
#: Kilobytes that are read of the body of an error.
RUNNEL_ERROR_BODY_KB = whole("RUNNEL_ERROR_BODY_KB", 64, at_least=1)
#: Characters of text and thoughts in one answer. The largest models write about 500,000; storing more holds others up.
RUNNEL_ANSWER_CHARS = whole("RUNNEL_ANSWER_CHARS", 4_000_000, at_least=1000)
#: Characters of the arguments of all function calls in one answer.
RUNNEL_ARGUMENT_CHARS = whole("RUNNEL_ARGUMENT_CHARS", 2_000_000, at_least=1000)
#: Function calls in one answer.
RUNNEL_CALLS_PER_STEP = whole("RUNNEL_CALLS_PER_STEP", 128, at_least=1)

# Retries of a call that failed before any text was shown: their number, the first and the longest pause.
# Pauses are in seconds; after a rate limit that names none, the first one is eight times as long.
RUNNEL_MAX_RETRIES = whole("RUNNEL_MAX_RETRIES", 2, at_most=100)
RUNNEL_RETRY_BASE_SECONDS = number("RUNNEL_RETRY_BASE_SECONDS", 0.5)
RUNNEL_RETRY_MAX_SECONDS = number("RUNNEL_RETRY_MAX_SECONDS", 8.0)
#: The longest pause that a provider may request, in seconds; a longer one fails the call.
RUNNEL_RETRY_AFTER_MAX_SECONDS = number("RUNNEL_RETRY_AFTER_MAX_SECONDS", 30.0)
#: After this many outages in a row, of several users or of runs that had worked, the circuit breaker blocks a
#: provider's model; 0 disables the breaker.
RUNNEL_CIRCUIT_FAILURES = whole("RUNNEL_CIRCUIT_FAILURES", 10)
#: Seconds for which it blocks the model.
RUNNEL_CIRCUIT_SECONDS = number("RUNNEL_CIRCUIT_SECONDS", 30.0)

# Limits of each provider that the environment configures; 0 means no limit.
RUNNEL_PROVIDER_CONCURRENCY = whole("RUNNEL_PROVIDER_CONCURRENCY", 0)
RUNNEL_PROVIDER_REQUESTS_PER_MINUTE = whole("RUNNEL_PROVIDER_REQUESTS_PER_MINUTE", 0)

#: Whether an estimate of input tokens may use the provider's token-counting endpoint.
RUNNEL_COUNT_TOKENS = boolean("RUNNEL_COUNT_TOKENS", False)
#: Seconds that a cancelled stream is read further to get its usage; 0 closes it at once.
RUNNEL_DRAIN_CANCELLED_SECONDS = number("RUNNEL_DRAIN_CANCELLED_SECONDS", 0.0)

# Connections of clients to `make run`. One that has not sent a whole request yet makes room for a new one.
#: In all. A third of the process's file descriptors, up to 256, is kept for other things.
RUNNEL_CONNECTIONS = whole("RUNNEL_CONNECTIONS", 10_000, at_least=1)
#: Of one address, WebSockets not counted; not looked at behind a proxy (RUNNEL_BEHIND_PROXY).
RUNNEL_CONNECTIONS_PER_ADDRESS = whole("RUNNEL_CONNECTIONS_PER_ADDRESS", 200, at_least=1)
#: Seconds for the head of a request, and for each megabyte of its body.
RUNNEL_HEADER_SECONDS = number("RUNNEL_HEADER_SECONDS", 15.0, at_least=0.1)
RUNNEL_BODY_SECONDS = number("RUNNEL_BODY_SECONDS", 30.0, at_least=0.1)
#: Seconds for which a client may leave an answer unread before its connection is closed.
RUNNEL_STALLED_SECONDS = number("RUNNEL_STALLED_SECONDS", 60.0, at_least=0.1)

#: The largest upload, in megabytes.
RUNNEL_UPLOAD_MB = whole("RUNNEL_UPLOAD_MB", 20, at_least=1)
#: Millions of points that a picture may have: a small file can claim more than any browser can draw.
RUNNEL_IMAGE_MEGAPIXELS = number("RUNNEL_IMAGE_MEGAPIXELS", 100.0, at_least=0.1)
#: Hours after which an upload that no message shows is deleted; 0 keeps it for ever.
RUNNEL_UPLOAD_HOURS = number("RUNNEL_UPLOAD_HOURS", 24.0)
# The files of one request to a model. More in a new message are refused; older ones of a conversation are left out.
#: Megabytes of all files together, before Base64. A larger upload could never be shown to a model.
RUNNEL_MEDIA_MB = whole("RUNNEL_MEDIA_MB", max(24, RUNNEL_UPLOAD_MB), at_least=RUNNEL_UPLOAD_MB)
#: Megabytes of files that all runs of one process carry at the same time; further runs wait for their turn.
RUNNEL_MEDIA_PROCESS_MB = whole(
    "RUNNEL_MEDIA_PROCESS_MB", max(128, RUNNEL_MEDIA_MB), at_least=RUNNEL_MEDIA_MB
)
#: How many they are, addresses that the provider fetches included.
RUNNEL_MEDIA_PARTS = whole("RUNNEL_MEDIA_PARTS", 100, at_least=1)

# Limits of each user. A group can set others in the admin: of a user's groups the most generous value holds.
#: Runs that may be started in a minute.
RUNNEL_STARTS_PER_MINUTE = whole("RUNNEL_STARTS_PER_MINUTE", 1_800, at_least=1)
#: Runs that are live or wait for a decision, in all processes.
RUNNEL_MAX_RUNS_PER_USER = whole("RUNNEL_MAX_RUNS_PER_USER", 500, at_least=1)
#: Messages that wait in the queue of one conversation.
RUNNEL_QUEUED_PER_CONVERSATION = whole("RUNNEL_QUEUED_PER_CONVERSATION", 20, at_least=1)
#: Messages of one user that wait in the queues of all conversations.
RUNNEL_QUEUED_PER_USER = whole("RUNNEL_QUEUED_PER_USER", 100, at_least=1)
#: Open WebSockets, in one process.
RUNNEL_SOCKETS_PER_USER = whole("RUNNEL_SOCKETS_PER_USER", 200, at_least=1)
#: Runs and conversations that one socket may follow.
RUNNEL_SUBSCRIPTIONS_PER_SOCKET = whole("RUNNEL_SUBSCRIPTIONS_PER_SOCKET", 1_000, at_least=1)
#: Frames of all sockets in a second, in one process; a frame counts once for each 512 bytes. More are read later.
RUNNEL_FRAMES_PER_SECOND = whole("RUNNEL_FRAMES_PER_SECOND", 2_000, at_least=1)
#: Megabytes of stored files.
RUNNEL_STORED_MB_PER_USER = whole("RUNNEL_STORED_MB_PER_USER", 2_000, at_least=1)
#: How many stored files.
RUNNEL_FILES_PER_USER = whole("RUNNEL_FILES_PER_USER", 5_000, at_least=1)
#: The most that a start may ask for as `max_steps`.
RUNNEL_STEPS_PER_RUN = whole("RUNNEL_STEPS_PER_RUN", 200, at_least=1, at_most=1_000)
#: The most that a start may ask for as `max_retries`.
RUNNEL_RETRIES_PER_CALL = whole("RUNNEL_RETRIES_PER_CALL", 10, at_most=100)
#: Tokens of all runs in 24 hours; 0 means no limit.
RUNNEL_TOKENS_PER_DAY = whole("RUNNEL_TOKENS_PER_DAY", 0)
#: US dollars of all runs in 24 hours; 0 means no limit.
RUNNEL_COST_PER_DAY = number("RUNNEL_COST_PER_DAY", 0.0)

#: What /metrics is told by, as `Authorization: Bearer …`; if empty, it answers this machine only.
RUNNEL_METRICS_TOKEN = text("RUNNEL_METRICS_TOKEN")
#: The folder in which several processes on one port share what they count. prometheus-client reads the variable.
PROMETHEUS_MULTIPROC_DIR = text("PROMETHEUS_MULTIPROC_DIR")
#: Whether spans of runs go to an OpenTelemetry collector, and whether prompts and answers are in them.
RUNNEL_OTEL = boolean("RUNNEL_OTEL", False)
RUNNEL_OTEL_PAYLOADS = boolean("RUNNEL_OTEL_PAYLOADS", False)
if RUNNEL_OTEL and not (find_spec("opentelemetry") and find_spec("opentelemetry.sdk")):
    raise Mistake("RUNNEL_OTEL needs further packages: run `make otel`.")
#: Free megabytes of the data folder's disk below which the server says that it is not ready.
RUNNEL_MIN_DISK_MB = whole("RUNNEL_MIN_DISK_MB", 200)

#: Seconds that live runs get to finish when the server stops; then they are cancelled.
RUNNEL_DRAIN_SECONDS = number("RUNNEL_DRAIN_SECONDS", 3.0)
#: The largest conversation that a user may import, in megabytes.
RUNNEL_IMPORT_MB = whole("RUNNEL_IMPORT_MB", 20, at_least=1)
#: Whether users may share a conversation by a link, with which anybody reads it without signing in.
RUNNEL_SHARE_LINKS = boolean("RUNNEL_SHARE_LINKS", True)
#: Seconds after which a conversation that its owner has deleted is gone for good. Until then the deletion can be undone.
RUNNEL_UNDO_SECONDS = number("RUNNEL_UNDO_SECONDS", 60.0)
# How long what is stored is kept, by kind; None keeps it for ever. Statistics and costs are always kept.
#: Requests and responses of provider calls, from the call's start.
RUNNEL_RETENTION_TRACE_DAYS = days("RUNNEL_RETENTION_TRACE_DAYS")
#: The events of runs, from the run's end. The messages stay.
RUNNEL_RETENTION_EVENTS_DAYS = days("RUNNEL_RETENTION_EVENTS_DAYS")
#: Uploads, and files that models and tools made, from their storing.
RUNNEL_RETENTION_FILES_DAYS = days("RUNNEL_RETENTION_FILES_DAYS")
#: Whole conversations, from the start or end of their newest run.
RUNNEL_RETENTION_CONVERSATION_DAYS = days("RUNNEL_RETENTION_CONVERSATION_DAYS")
#: Entries of the audit log.
RUNNEL_RETENTION_AUDIT_DAYS = days("RUNNEL_RETENTION_AUDIT_DAYS")
#: Sign-ins, from the expiry of the session.
RUNNEL_RETENTION_SESSION_DAYS = days("RUNNEL_RETENTION_SESSION_DAYS", 7)
#: The minimum time between two commits of the event log, in milliseconds.
RUNNEL_COMMIT_INTERVAL_MS = number("RUNNEL_COMMIT_INTERVAL_MS", 5.0)
#: Seconds between two looks for ended runs whose event logs are to be compacted.
RUNNEL_COMPACTION_SECONDS = number("RUNNEL_COMPACTION_SECONDS", 10.0, at_least=0.01)
#: Seconds between two heartbeats, each of which renews the leases of live runs.
RUNNEL_HEARTBEAT_SECONDS = number("RUNNEL_HEARTBEAT_SECONDS", 1.5, at_least=0.01)
#: Seconds between two looks at whether sessions, tokens and users of open sockets and live runs are still valid.
RUNNEL_RIGHTS_CHECK_SECONDS = number("RUNNEL_RIGHTS_CHECK_SECONDS", 4.0, at_least=0.1)
#: Seconds after the last heartbeat until another process may take over a run. A heartbeat waits for the database
#: a fifth of it.
RUNNEL_LEASE_SECONDS = number("RUNNEL_LEASE_SECONDS", 6.0, at_least=0.01)
