"""Tasks, database threads, log context, and objects that exist once per event loop. Imports no other package."""
