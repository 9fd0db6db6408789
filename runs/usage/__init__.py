"""What runs used and cost: ledger, budget, statistics."""
