"""Messages between the processes of one installation, over Redis. Without it, none is exchanged.

A message is a shortcut and nothing else. It may be lost, come twice or come late; whoever listens also looks at the
database by itself from time to time. So no message is waited for, and none fails. Most only say that it is time to look.
While the database cannot be asked, a few are believed (``stalled``, ``reaped``, and a ``cancel`` that is not stored yet).
The fence still decides who may write.
"""

from runs.bus.bus import Kind, close, is_shared, listen, open_link, process, ring, send

__all__ = ["Kind", "close", "is_shared", "listen", "open_link", "process", "ring", "send"]
