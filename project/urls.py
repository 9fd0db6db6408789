"""The project's URLs. ``runs.http.urls`` has those of the application."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

# Lazy: the name is known only after `collectstatic`.
_icon = lazy(static, str)("runnel/logo.svg")

urlpatterns = [
    # Browsers request this for responses that name no icon, such as JSON.
    path("favicon.ico", RedirectView.as_view(url=_icon)),
    path("admin/", admin.site.urls),
    path("", include("runs.http.urls")),
]
