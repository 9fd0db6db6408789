"""Pages, and the JSON API that they read."""
