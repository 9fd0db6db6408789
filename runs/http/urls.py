"""The URLs of the pages and of the JSON API."""

from collections.abc import Callable

from django.contrib.auth.views import PasswordChangeDoneView
from django.http import HttpResponseBase
from django.urls import URLPattern, path

from runs.http import (
    account,
    approvals,
    conversations,
    files,
    models,
    pages,
    portable,
    providers,
    shared,
    shares,
    standing,
    tokens,
    tools,
    usage,
    writing,
)


def _api(route: str, view: Callable[..., HttpResponseBase], *, name: str) -> tuple[URLPattern, URLPattern]:
    """Return the URL patterns with and without a final slash, because a POST cannot be redirected."""
    return path(f"api/{route}/", view, name=name), path(f"api/{route}", view)


urlpatterns = [
    path("", pages.app, name="app"),
    path("c/<uuid:conversation_id>/", pages.app, name="conversation"),
    path("login/", pages.SignIn.as_view(), name="login"),
    path("logout/", pages.SignOut.as_view(), name="logout"),
    path("password/", pages.PasswordChange.as_view(), name="password_change"),
    path(
        "password/done/",
        PasswordChangeDoneView.as_view(template_name="account/password_changed.html"),
        name="password_change_done",
    ),
    path("account/", account.account, name="account"),
    path("account/sessions/<int:session_id>/end/", account.end_session, name="session_end"),
    path("account/sessions/end-others/", account.end_other_sessions, name="sessions_end_others"),
    path("approvals/", approvals.page, name="approvals"),
    path("approvals/standing/<int:decision_id>/revoke/", approvals.revoke, name="standing_revoke"),
    path("usage/", usage.page, name="usage"),
    path("keys/", pages.keys, name="keys"),
    path("providers/", providers.page, name="providers"),
    path("providers/<int:provider_id>/test/", providers.test, name="provider_test"),
    path("providers/<int:provider_id>/remove/", providers.remove, name="provider_remove"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="token_revoke"),
    *_api("conversations", conversations.conversations, name="api_conversations"),
    *_api("conversations/<uuid:conversation_id>", conversations.conversation, name="api_conversation"),
    *_api(
        "conversations/<uuid:conversation_id>/restore",
        conversations.restore,
        name="api_conversation_restore",
    ),
    *_api("conversations/import", portable.import_, name="api_import"),
    *_api("conversations/<uuid:conversation_id>/export", portable.export, name="api_export"),
    *_api("conversations/<uuid:conversation_id>/shares", shares.shares, name="api_shares"),
    *_api("shares/<int:share_id>", shares.share, name="api_share"),
    path("s/<str:secret>/", shared.page, name="shared"),
    *_api("shared/<str:secret>", shared.conversation, name="api_shared"),
    *_api("shared/<str:secret>/files/<uuid:file_id>", shared.file, name="api_shared_file"),
    *_api("folders", conversations.folder, name="api_folders"),
    *_api(
        "conversations/<uuid:conversation_id>/tools",
        tools.conversation_tools,
        name="api_conversation_tools",
    ),
    *_api(
        "conversations/<uuid:conversation_id>/settings",
        writing.conversation_settings,
        name="api_conversation_settings",
    ),
    *_api("choices", writing.choices, name="api_choices"),
    *_api("files", files.upload, name="api_files"),
    *_api("files/<uuid:file_id>", files.file, name="api_file"),
    *_api("models", models.models, name="api_models"),
    *_api("tools", tools.tools, name="api_tools"),
    *_api("approvals", approvals.waiting_calls, name="api_approvals"),
    *_api("usage", usage.figures, name="api_usage"),
    *_api("preferences", account.preferences, name="api_preferences"),
    *_api("standing-decisions", standing.standing_decisions, name="api_standing_decisions"),
    *_api("standing-decisions/<int:decision_id>", standing.standing_decision, name="api_standing_decision"),
    *_api("runs/<uuid:run_id>/cancel", conversations.cancel, name="api_cancel"),
]
