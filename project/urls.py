"""Addresses. The application's own are in ``runs.http.urls``."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

# Known only once static files are collected.
_icon = lazy(static, str)("runnel/logo.svg")

urlpatterns = [
    # Browsers ask for it where a page names none, as for JSON.
    path("favicon.ico", RedirectView.as_view(url=_icon)),
    path("admin/", admin.site.urls),
    path("", include("runs.http.urls")),
]
