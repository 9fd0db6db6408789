"""A loopback upstream that speaks all four wires over HTTP, so that the real SDKs run without a key.

Point an SDK at ``Emulator.origin`` and request one of ``MODELS``, one of the test models in
``scripts.py``, or ``recording/<stem>``. A scenario is a *script* of provider-neutral actions; each
wire has an encoder that turns actions into that provider's frames. This package imports no SDK and
depends neither on runs nor on browser sockets.
"""

from emulator.exchanges import EmulatedExchange, ExchangeOutcome
from emulator.scripts import MODELS
from emulator.server import Emulator
from emulator.shared import close_shared, shared

__all__ = ["MODELS", "EmulatedExchange", "Emulator", "ExchangeOutcome", "close_shared", "shared"]
