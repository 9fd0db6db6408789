"""The site: Django's apps and middleware, sign-in, static files, cookies and headers."""

from datetime import timedelta

from django.conf import global_settings

from project import csp, logging, unfold
from project.environment import boolean, number, whole
from project.settings.installation import BASE_DIR, DATABASES, DEBUG, RUNNEL_DATA_DIR, RUNNEL_EXECUTOR

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
if RUNNEL_EXECUTOR == "procrastinate" and DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    INSTALLED_APPS.append("procrastinate.contrib.django")

MIDDLEWARE = [
    # First: it sees the answer as it is sent.
    "project.unread.take_large_answers",
    "project.headers.add_headers",
    "django.middleware.security.SecurityMiddleware",
    "project.compression.CompressionMiddleware",
    "project.staticfiles.serve_versions",
    "project.staticfiles.StaticFilesMiddleware",
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
AXES_USERNAME_CALLABLE = "runs.access.sign_in.name_of"
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
