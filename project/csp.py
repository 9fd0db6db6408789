"""The content security policies: pages load our own files only; the admin may do a little more.

Django's ``ContentSecurityPolicyMiddleware`` sends them.
"""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.utils.csp import CSP
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.csp import csp_override

#: For all pages but the admin. ``'self'`` in ``connect-src`` covers the WebSocket of the same origin (CSP 3).
POLICY: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "media-src": [CSP.SELF],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "manifest-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    # No text becomes markup or code: browsers that know trusted types refuse it, and there is no policy to allow it.
    "require-trusted-types-for": ["'script'"],
    "trusted-types": [CSP.NONE],
}

#: What only our own pages keep to.
_TRUSTED_TYPES = {"require-trusted-types-for", "trusted-types"}

#: For the admin. Unfold's Alpine.js compiles expressions in attributes, sets inline styles and writes markup.
ADMIN_POLICY: dict[str, list[str]] = {
    name: sources for name, sources in POLICY.items() if name not in _TRUSTED_TYPES
} | {
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}

ADMIN_PREFIX = "/admin/"


@sync_and_async_middleware
def relax_admin_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Give responses below ``ADMIN_PREFIX`` the admin's policy. Its place is after Django's middleware."""
    relaxed = csp_override(ADMIN_POLICY)(get_response)

    def choose(request: HttpRequest) -> Callable[[HttpRequest], Any]:
        return relaxed if request.path_info.startswith(ADMIN_PREFIX) else get_response

    async def async_middleware(request: HttpRequest) -> Any:
        return await choose(request)(request)

    def middleware(request: HttpRequest) -> Any:
        return choose(request)(request)

    return async_middleware if iscoroutinefunction(get_response) else middleware
