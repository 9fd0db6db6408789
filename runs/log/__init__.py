"""The event log: the journal writes it, the feed delivers it, replay reads it back after a crash."""
