"""One provider call: opened, relayed, stopped, traced."""
