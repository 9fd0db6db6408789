"""Addresses of the application: its page, signing in and out, and the JSON that the page reads."""

from collections.abc import Callable

from django.contrib.auth.views import PasswordChangeDoneView
from django.http import HttpResponseBase
from django.urls import URLPattern, path

from runs.http import file_views, tool_views, views


def _api(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> tuple[URLPattern, URLPattern]:
    """Take both spellings: a POST cannot be redirected to the one with a slash at its end."""
    return path(f"api/{route}/", view, name=name), path(f"api/{route}", view)


urlpatterns = [
    path("", views.app, name="app"),
    path("c/<uuid:conversation_id>/", views.app, name="conversation"),
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", views.SignOut.as_view(), name="logout"),
    path("password/", views.PasswordChange.as_view(), name="password_change"),
    path(
        "password/done/",
        PasswordChangeDoneView.as_view(template_name="account/password_changed.html"),
        name="password_change_done",
    ),
    *_api("conversations", views.conversations, name="api_conversations"),
    *_api("conversations/<uuid:conversation_id>", views.conversation, name="api_conversation"),
    *_api(
        "conversations/<uuid:conversation_id>/tools",
        tool_views.conversation_tools,
        name="api_conversation_tools",
    ),
    *_api("files", file_views.upload, name="api_files"),
    *_api("files/<uuid:file_id>", file_views.file, name="api_file"),
    *_api("tools", tool_views.tools, name="api_tools"),
    *_api("runs/<uuid:run_id>/cancel", views.cancel, name="api_cancel"),
]
