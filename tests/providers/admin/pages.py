"""What tests do with the admin's pages for providers: the network is loopback and a played name server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from providers.models import Provider
from tests.runs.rows import make_user

LIST = "/admin/providers/provider/"

ADD = f"{LIST}add/"

CANARY = "sk-canary-THIS-KEY-MUST-NOT-LEAK-13579"


class Answering(BaseHTTPRequestHandler):
    """A server of Chat Completions that answers what it is told to."""

    status = 200
    body: Any = None

    def do_GET(self) -> None:
        self._answer(json.dumps(self.body or {"data": [{"id": "large"}, {"id": "small"}, {"id": "embed-1"}]}))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "delta": {"content": "It\nworks <b>"}, "finish_reason": "stop"}
        self._answer(
            json.dumps(self.body)
            if self.body
            else f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\ndata: [DONE]\n\n",
            "application/json" if self.body else "text/event-stream",
        )

    def _answer(self, text: str, kind: str = "application/json") -> None:
        # Servers quote the key that they refuse.
        body = text.replace("KEY", self.headers.get("authorization", "")).encode()
        self.send_response(self.status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(status: int = 200, body: Any = None) -> Iterator[str]:
    with listening(type("Handler", (Answering,), {"status": status, "body": body})) as address:
        yield address


@contextmanager
def listening(handler: type[Answering]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def entered(**fields: Any) -> dict[str, Any]:
    defaults = {
        "slug": "acme",
        "label": "Acme",
        "kind": "openai-compatible",
        "base_url": "https://8.8.8.8/v1",
        "key": CANARY,
        "is_enabled": "on",
        "concurrency": "",
        "requests_per_minute": "",
        "model_names": "",
        "test_model": "",
    }
    return {**defaults, **fields}


def make(**columns: Any) -> Provider:
    defaults = {
        "slug": "acme",
        "label": "Acme",
        "kind": "openai-compatible",
        "base_url": "https://8.8.8.8/v1",
    }
    key = columns.pop("key", CANARY)
    provider = Provider(**{**defaults, **columns})
    provider.seal(key)
    provider.save()
    return provider


def page_of(provider: Provider) -> str:
    return reverse("admin:providers_provider_change", args=[provider.pk])


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200, response.headers
    errors: dict[str, list[str]] = response.context["adminform"].form.errors
    return errors


def staff_with(client: Client, *permissions: str) -> Client:
    user = make_user("helper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client
