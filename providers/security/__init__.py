"""Keys and addresses: sealing, checking, redaction."""
