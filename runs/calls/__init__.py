"""Plans, decides, executes and answers function calls."""
