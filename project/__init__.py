"""The Django project: settings, addresses, logging and the ASGI entry point. Contains no features."""
