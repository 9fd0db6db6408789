"""The servers of ``manage.py serve``, Daphne and uvicorn, and limits on what a client may send before it is known."""
