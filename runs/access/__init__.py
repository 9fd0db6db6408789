"""Authentication by session or token, and the open sockets that a sign-out closes."""
