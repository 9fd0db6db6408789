"""How the server is watched, how it stops, and how long it keeps what it stores."""

from importlib.util import find_spec

from project.environment import Mistake, boolean, days, number, text, whole

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
