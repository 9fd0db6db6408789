"""Messages between the processes of one installation: over Redis, and inside the process without it.

A message is a shortcut and nothing else. It may be lost, come twice or come late; whoever listens also looks at the
database by itself from time to time, and believes the database only. So no message is waited for, and none fails.
"""

from runs.bus.bus import Kind, close, is_shared, listen, open_link, process, ring, send

__all__ = ["Kind", "close", "is_shared", "listen", "open_link", "process", "ring", "send"]
