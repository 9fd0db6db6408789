"""The pages, and the JSON API that they use."""
