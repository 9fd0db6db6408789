"""What goes over the line compressed, and what does not."""

import gzip
from typing import Any

import pytest
from django.http import FileResponse, HttpResponse, JsonResponse
from django.test import Client, RequestFactory

from project.compression import CompressionMiddleware

WORDS = "a runnel is a small stream " * 40


def sent(response: Any, **headers: str) -> Any:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip", **headers})
    return CompressionMiddleware(lambda _: response)(request)


def test_it_compresses_pages_and_json() -> None:
    for response in (HttpResponse(WORDS), JsonResponse({"text": WORDS})):
        whole = response.content
        answer = sent(response)
        assert answer["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer["Vary"]
        assert gzip.decompress(answer.content) == whole
        assert len(answer.content) < len(whole) / 2


def test_the_same_page_has_not_always_the_same_length() -> None:
    assert len({len(sent(HttpResponse(WORDS)).content) for _ in range(40)}) > 1


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(b"\x89PNG" * 100, content_type="image/png"),
        HttpResponse(WORDS, content_type="application/pdf"),
        HttpResponse(WORDS, status=206),
        HttpResponse("short"),
        FileResponse([WORDS.encode()], content_type="audio/wav"),
    ],
)
def test_it_leaves_alone_what_gains_nothing_or_is_a_part(response: Any) -> None:
    assert "Content-Encoding" not in sent(response)


def test_it_sends_plain_text_to_who_asks_for_it() -> None:
    assert "Content-Encoding" not in sent(HttpResponse(WORDS), **{"Accept-Encoding": "identity"})


@pytest.mark.django_db
def test_the_pages_are_compressed() -> None:
    answer = Client(headers={"Accept-Encoding": "gzip"}).get("/login/")
    assert answer["Content-Encoding"] == "gzip"


def test_a_browser_need_not_load_again_what_it_has() -> None:
    seen: list[str] = []

    def serve(request: Any) -> HttpResponse:
        seen.append(request.META["HTTP_IF_NONE_MATCH"])
        return HttpResponse(WORDS, headers={"ETag": '"1-2"'})

    first = sent(HttpResponse(WORDS, headers={"ETag": '"1-2"'}))
    request = RequestFactory().get("/", headers={"If-None-Match": first["ETag"]})
    CompressionMiddleware(serve)(request)
    assert seen == ['"1-2"']
