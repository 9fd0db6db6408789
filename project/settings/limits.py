"""What clients and users may use."""

from project.environment import number, whole

# Connections of clients to `make run`. One that has not sent a whole request yet makes room for a new one.
#: In all. A third of the process's file descriptors, up to 256, is kept for other things.
RUNNEL_CONNECTIONS = whole("RUNNEL_CONNECTIONS", 10_000, at_least=1)
#: Of one address, WebSockets not counted; not looked at behind a proxy (RUNNEL_BEHIND_PROXY).
RUNNEL_CONNECTIONS_PER_ADDRESS = whole("RUNNEL_CONNECTIONS_PER_ADDRESS", 200, at_least=1)
#: Seconds for the head of a request, and for each megabyte of its body.
RUNNEL_HEADER_SECONDS = number("RUNNEL_HEADER_SECONDS", 15.0, at_least=0.1)
RUNNEL_BODY_SECONDS = number("RUNNEL_BODY_SECONDS", 30.0, at_least=0.1)
#: Seconds for which a client may leave an answer unread before its connection is closed.
RUNNEL_STALLED_SECONDS = number("RUNNEL_STALLED_SECONDS", 50.0, at_least=0.1)

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
