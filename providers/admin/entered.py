"""The admin page for providers from the database. A stored key is never shown."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.utils import display_for_label

from providers.admin import formatting, test_results
from providers.admin.connection_test import ConnectionTestResult
from providers.admin.form import ProviderForm
from providers.admin.lookups import NoSecretLookups
from providers.catalog import cache
from providers.catalog.provider_types import PROVIDER_TYPES
from providers.models import Provider
from providers.security.vault import Unsealable

_COLOURS = {"passed": "success", "failed": "danger", "not tested": "info"}

_LIMITS: tuple[str, dict[str, Any]] = ("Limits", {"fields": (("concurrency", "requests_per_minute"),)})
_ENTERED: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "The provider",
        {"fields": (("slug", "label"), ("kind", "base_url"), "key", "is_enabled")},
    ),
    _LIMITS,
    ("Models", {"fields": ("model_names", "test_model")}),
)
_SEEN = (
    ("The provider", {"fields": (("slug", "label"), ("kind_name", "base_url"), "is_enabled")}),
    _LIMITS,
    ("Models", {"fields": ("names", "test_model")}),
)
_STANDING = (
    "How it stands",
    {"fields": (("address", "key_state"), ("outcome", "tested"), ("said", "fetched"), "story")},
)


@admin.register(Provider)
class ProviderAdmin(NoSecretLookups, ModelAdmin):
    """The list and the form of the providers in the database."""

    form = ProviderForm
    list_display = ("slug", "label", "kind_name", "address", "is_enabled", "key_state", "outcome_and_why")
    list_filter = ("is_enabled", "test_passed")
    search_fields = ("slug", "label", "base_url")
    search_help_text = "Name, title or address"
    empty_value_display = formatting.UNKNOWN
    readonly_fields = ("address", "key_state", "outcome", "tested", "said", "fetched", "story")
    actions = ("test_selected", "fetch_selected")
    actions_submit_line = ("save_and_test", "save_and_fetch")

    @method_decorator(sensitive_post_parameters("key"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def get_fieldsets(
        self, request: HttpRequest, obj: Provider | None = None
    ) -> Sequence[tuple[str, dict[str, Any]]]:
        """Return the fieldsets: without results for a new provider, without inputs for a user who may only view."""
        if obj is None:
            return _ENTERED
        if not self.has_change_permission(request, obj):
            return (*_SEEN, _STANDING)
        (title, options), *others = _ENTERED
        if obj.sealed_key:
            shown = (*options["fields"][:2], ("key", "forget_key"), "is_enabled")
            return ((title, {"fields": shown}), *others, _STANDING)
        return (*_ENTERED, _STANDING)

    def get_readonly_fields(self, request: HttpRequest, obj: Provider | None = None) -> Sequence[str]:
        return (*self.readonly_fields, "kind_name", "names")

    def response_change(self, request: HttpRequest, obj: Provider) -> HttpResponse:
        """Stay on the page after a test or a fetch, because it shows the result."""
        asked = any(
            action.action_name in request.POST for action in self.get_actions_submit_line(request, obj.pk)
        )
        response: HttpResponse = super().response_change(request, obj)
        return HttpResponseRedirect(request.path) if asked else response

    @admin.action(description="Test selected providers", permissions=["change"])
    def test_selected(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self._test(request, queryset)

    @admin.action(description="Fetch models of selected providers", permissions=["change"])
    def fetch_selected(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        self._fetch(request, queryset)

    @action(description="Save and test", permissions=["change"])  # type: ignore[untyped-decorator]
    def save_and_test(self, request: HttpRequest, obj: Provider) -> None:
        self._after_commit(self._test, request, obj)

    @action(description="Save and fetch models", permissions=["change"])  # type: ignore[untyped-decorator]
    def save_and_fetch(self, request: HttpRequest, obj: Provider) -> None:
        self._after_commit(self._fetch, request, obj)

    def _after_commit(self, ask: Any, request: HttpRequest, obj: Provider) -> None:
        # The page is saved in one transaction: nobody else's writes may wait for a provider's answer.
        transaction.on_commit(partial(ask, request, Provider.objects.filter(pk=obj.pk)))

    def _test(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        asked = list(queryset)
        for provider, outcome in zip(asked, test_results.test(asked), strict=True):
            self._tell(request, provider, outcome)

    def _fetch(self, request: HttpRequest, queryset: QuerySet[Provider]) -> None:
        asked = list(queryset)
        for provider, outcome in zip(asked, test_results.fetch(asked), strict=True):
            self._tell(request, provider, outcome)

    def _tell(self, request: HttpRequest, provider: Provider, outcome: ConnectionTestResult) -> None:
        level = messages.SUCCESS if outcome.passed else messages.ERROR
        self.message_user(request, f"{provider.slug}: {outcome.message}", level)

    @admin.display(description="Kind", ordering="kind")
    def kind_name(self, provider: Provider) -> str:
        kind = PROVIDER_TYPES.get(provider.kind)
        return provider.kind if kind is None else kind.label

    @admin.display(description="Address")
    def address(self, provider: Provider) -> str:
        """The base URL, or the reason why it cannot be called."""
        row = cache.read(provider)
        return row.address or row.problem or formatting.UNKNOWN

    @admin.display(description="Key")
    def key_state(self, provider: Provider) -> str:
        try:
            return "stored" if provider.unseal() else "none"
        except Unsealable as lost:
            return lost.message

    @admin.display(description="Models to suggest")
    def names(self, provider: Provider) -> str:
        return ", ".join(map(str, provider.model_names)) or formatting.UNKNOWN

    @admin.display(description="Models fetched")
    def fetched(self, provider: Provider) -> str:
        return formatting.moment(provider.model_names_fetched_at)

    @admin.display(description="Last test", ordering="test_passed")
    def outcome(self, provider: Provider) -> SafeString:
        word = {None: "not tested", True: "passed", False: "failed"}[provider.test_passed]
        label = display_for_label(word, formatting.UNKNOWN, _COLOURS)
        return format_html('<span class="runnel-status">{}</span>', label)

    @admin.display(description="Last test", ordering="test_passed")
    def outcome_and_why(self, provider: Provider) -> SafeString:
        """The result of the last test, with its message below."""
        return format_html('{}<p class="runnel-below">{}</p>', self.outcome(provider), provider.test_message)

    @admin.display(description="Tested")
    def tested(self, provider: Provider) -> str:
        return formatting.moment(provider.tested_at)

    @admin.display(description="What it said")
    def said(self, provider: Provider) -> str:
        return provider.test_message or formatting.UNKNOWN

    @admin.display(description="The whole story")
    def story(self, provider: Provider) -> SafeString | str:
        return formatting.UNKNOWN if provider.test_story is None else formatting.readable(provider.test_story)
