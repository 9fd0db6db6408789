"""Sockets, TLS and HTTP framing under the SDKs' HTTP client, made for many slow streams. Knows no provider."""
