"""The WebSocket: frames in, frames out, and what each connection follows."""
