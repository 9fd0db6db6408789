from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.test import AsyncRequestFactory, RequestFactory

from project.csp import relax_admin_policy

PLAIN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def async_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def policy(path: str) -> str:
    chain: Any = ContentSecurityPolicyMiddleware(relax_admin_policy(view))
    return str(chain(RequestFactory().get(path)).headers["Content-Security-Policy"])


async def async_policy(path: str) -> str:
    chain: Any = ContentSecurityPolicyMiddleware(relax_admin_policy(async_view))
    response = await chain(AsyncRequestFactory().get(path))
    return str(response.headers["Content-Security-Policy"])


async def test_it_lets_a_page_load_our_own_files_only():
    assert policy("/") == await async_policy("/administrator/") == PLAIN


async def test_it_lets_only_the_admin_compile_its_attributes():
    assert "script-src 'self' 'unsafe-eval';" in policy("/admin/login/")
    assert "trusted-types" not in policy("/admin/")
    assert policy("/admin/") == await async_policy("/admin/")


def test_it_never_lets_an_inline_script_run():
    for path in ("/", "/admin/"):
        scripts = next(part for part in policy(path).split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in scripts
