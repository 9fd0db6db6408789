"""The project's URLs. ``runs.http.urls`` has those of the application."""

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView


def admin_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show the admin's sign-in; tell who is signed in and may not use the admin that this is so."""
    if request.method == "GET" and request.user.is_authenticated and not admin.site.has_permission(request):
        return render(request, "admin/not_staff.html", status=HTTPStatus.FORBIDDEN)
    return admin.site.login(request)


# Lazy: the name is known only after `collectstatic`.
_icon = lazy(static, str)("runnel/logo.svg")

urlpatterns = [
    # Browsers request this for responses that name no icon, such as JSON.
    path("favicon.ico", RedirectView.as_view(url=_icon)),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
    path("", include("runs.http.urls")),
]
