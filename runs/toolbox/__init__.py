"""Tools: what models may call, and who may let them."""
