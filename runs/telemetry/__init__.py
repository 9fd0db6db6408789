"""What operators see of runs: log lines, metrics, spans. The other folders tell it what happened, and get nothing back."""
