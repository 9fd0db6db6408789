"""The environment that tests run in, set before anything reads settings (pytest's ``-p``).

Tests do not see the developer's keys, database or ``.env``. They see only the variables that name the folders
of foreign servers (``tests/lanes/``), and ``RUNNEL_LANE_DATABASE_URL``, the database to use instead of SQLite, or several.
Child processes of tests inherit this environment.
"""

import atexit
import os
import shutil
import signal
import tempfile

# What a shell begins in the background, or `nohup`, ignores these, and so would the servers to which tests send them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_OURS = ("RUNNEL_", "SECURE_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "AWS_", "AZURE_", "CHATGPT_")
_PROVIDERS = ("_API_KEY", "_BASE_URL")
_LANES = "RUNNEL_LANE_"
_ALSO = ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "HOST", "PORT", "REDIS_URL", "SECRET_KEY")

for _name in [
    name for name in os.environ if name.startswith(_OURS) or name.endswith(_PROVIDERS) or name in _ALSO
]:
    if not _name.startswith(_LANES):
        del os.environ[_name]

#: The data folder of all tests of this process; it is deleted at its end.
data_dir = tempfile.mkdtemp(prefix="runnel-tests-")
atexit.register(shutil.rmtree, data_dir, ignore_errors=True)

os.environ.update(
    DEBUG="true",
    RUNNEL_DATA_DIR=data_dir,
    RUNNEL_ENV_FILE=os.devnull,
    # A failed call is not repeated, and opens no circuit. Tests of retries and circuits set their own values.
    RUNNEL_MAX_RETRIES="0",
    RUNNEL_CIRCUIT_FAILURES="0",
)
if _database := os.environ.get(f"{_LANES}DATABASE_URL"):
    # Each process of pytest-xdist takes one of the addresses: some tests change the whole server.
    _place = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.environ["DATABASE_URL"] = _database.split()[_place % len(_database.split())]
    os.environ["SECRET_KEY"] = "the key of all tests"
