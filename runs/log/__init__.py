"""The event log: written by the journal, delivered by the feed, replayed after a crash."""
