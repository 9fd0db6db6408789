"""Opens, relays, stops and traces one provider call."""
