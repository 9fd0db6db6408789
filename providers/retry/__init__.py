"""What surrounds the calls of a step: retries, fallback models, circuit breaker, rate limits."""
