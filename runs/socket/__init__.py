"""The WebSocket protocol: client frames, server frames, and the subscriptions of each connection."""
