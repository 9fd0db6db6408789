"""The official SDKs: one client per event loop, credential and address, over two HTTP pools per loop.

The only package beside ``wires`` that knows an SDK: a module for each, and what they hand out are plain
dicts. SDKs are imported when they are first needed: together they take seconds. They never retry (a
caller that has shown half an answer must decide), never follow a redirect (they would take the key along)
and never wait for a free connection (a stream holds one for minutes). Providers from the admin have a pool of
their own, which connects to checked addresses only (``pinned``).
"""

from providers.clients.pool import close_all, connect, forget
from providers.clients.requests import count_input, list_models, open_stream
from providers.clients.warming import warm_up

__all__ = ["close_all", "connect", "count_input", "forget", "list_models", "open_stream", "warm_up"]
