"""Tasks, and threads that own database connections. Knows no run and no provider."""
