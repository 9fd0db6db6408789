"""Daphne as ``manage.py serve`` runs it: with limits on what a client may send before it is known."""
