"""What a command prints when it stops while answers go on."""

from django.conf import settings
from django.core.management.base import OutputWrapper

from runs.engine import stop_signals


def print_live_runs(stdout: OutputWrapper) -> None:
    """Say how many answers go on and how long they have to end; nothing if there are none."""
    if live := len(stop_signals.live()):
        answers = "1 answer has" if live == 1 else f"{live} answers have"
        seconds = f"{settings.RUNNEL_DRAIN_SECONDS:g} s"
        stdout.write(f"Stopping: {answers} {seconds} to end (Ctrl-C again: none) ...")
        stdout.flush()
