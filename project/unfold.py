"""The appearance of the admin and the links of its sidebar."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _stylesheet(request: HttpRequest) -> str:
    return static("runnel/css/admin.css")


def _usage_stylesheet(request: HttpRequest) -> str:
    return static("runnel/css/admin-usage.css")


def _icon(request: HttpRequest) -> str:
    return static("runnel/logo.svg")


def _link(title: str, icon: str, page: str, permission: str) -> dict[str, Any]:
    """Return a link of the sidebar. Users without ``permission`` do not see it."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Runnel",
    "SITE_HEADER": "Runnel",
    "SITE_SUBHEADER": "Administration",
    "SITE_ICON": _icon,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SITE_URL": "/",
    # Most objects are read-only, so they have no edit history. No public page shows a single object.
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    # Based on the accent colours of css/base.css: 600 and 700 for light mode, 400 and 300 for dark mode.
    "COLORS": {
        "primary": {
            "50": "#effaf8",
            "100": "#d5f1ed",
            "200": "#b1e6df",
            "300": "#8adfd6",
            "400": "#5fcabf",
            "500": "#3fb3a8",
            "600": "#0b6e69",
            "700": "#085550",
            "800": "#07443f",
            "900": "#063733",
            "950": "#06211f",
        },
    },
    "STYLES": [_stylesheet, _usage_stylesheet],
    "SITE_VIEWS": [("usage/", "usage", "runs.admin.usage.UsageView")],
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Activity",
                "items": [
                    _link("Conversations", "forum", "runs_conversation_changelist", "runs.view_conversation"),
                    _link("Runs", "play_circle", "runs_run_changelist", "runs.view_run"),
                    _link(
                        "Traces",
                        "swap_vert",
                        "providers_providertrace_changelist",
                        "providers.view_providertrace",
                    ),
                    _link("Usage", "bar_chart", "usage", "runs.view_run"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _link("Providers", "cloud", "providers_provider_changelist", "providers.view_provider"),
                    _link("MCP servers", "build", "runs_mcpserver_changelist", "runs.view_mcpserver"),
                    _link(
                        "Standing decisions",
                        "rule",
                        "runs_standingdecision_changelist",
                        "runs.view_standingdecision",
                    ),
                    _link("API tokens", "key", "runs_apitoken_changelist", "runs.view_apitoken"),
                    _link(
                        "Failed sign-ins", "lock", "axes_accessattempt_changelist", "axes.view_accessattempt"
                    ),
                    _link("Users", "person", "auth_user_changelist", "auth.view_user"),
                    _link("Groups", "group", "auth_group_changelist", "auth.view_group"),
                    _link("Audit log", "history", "runs_auditentry_changelist", "runs.view_auditentry"),
                ],
            },
        ],
    },
}
