"""An app with a tool that kills any worker which only reads the run that offers it, before the run begins."""

#: The user whose runs kill workers.
NAME = "poisoned"
