"""Retries, fallback models, circuit breakers and rate limits around the provider calls of a step."""
