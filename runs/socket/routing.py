"""Maps WebSocket URLs to consumers."""

from django.urls import path

from runs.socket.consumers import RunConsumer

websocket_urlpatterns = [path("ws/", RunConsumer.as_asgi())]
