"""Addresses of the application: its page, signing in and out, and the JSON that the page reads."""

from django.contrib.auth.views import PasswordChangeDoneView
from django.urls import path

from runs import file_views, views

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
    path("api/conversations/", views.conversations, name="api_conversations"),
    path("api/conversations/<uuid:conversation_id>/", views.conversation, name="api_conversation"),
    path("api/files/", file_views.upload, name="api_files"),
    path("api/files/<uuid:file_id>/", file_views.file, name="api_file"),
    path("api/runs/<uuid:run_id>/cancel/", views.cancel, name="api_cancel"),
]
