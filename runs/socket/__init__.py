"""The WebSocket protocol: it parses client frames, sends server frames and keeps each connection's subscriptions."""
