"""The official SDKs: how a request is authenticated and sent.

Only this package and ``wires`` know an SDK. Each SDK has a module of its own here, and hands out
responses, which ``providers.call`` reads.
"""

from providers.clients.pool import close_all, connect, forget, keep_few
from providers.clients.requests import count_input, list_models, open_stream
from providers.clients.warming import warm_up

__all__ = [
    "close_all",
    "connect",
    "count_input",
    "forget",
    "keep_few",
    "list_models",
    "open_stream",
    "warm_up",
]
