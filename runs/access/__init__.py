"""Who is asking: sessions, tokens, and the open sockets that a sign-out closes."""
