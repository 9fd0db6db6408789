"""Usage and cost of runs: totals, budget, statistics."""
