"""What runs used and cost: totals, budget, statistics."""
