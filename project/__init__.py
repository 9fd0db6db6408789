"""The Django project: settings, addresses, logging and the ASGI entry point. Holds no feature."""
