"""Encrypts keys, checks addresses and redacts credentials."""
