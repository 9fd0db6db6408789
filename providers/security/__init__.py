"""Security of keys and addresses: sealing, address checks, redaction."""
