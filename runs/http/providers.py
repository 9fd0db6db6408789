"""The page on which an admin gives Runnel the key of a model provider. Who may not do that sees no such page.

A key is stored encrypted at once, used without a restart, and never shown again.
"""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from providers import catalog
from providers.admin import test_results
from providers.admin.form import ProviderForm
from providers.catalog import cache, lookup
from providers.catalog.provider_types import PROVIDER_TYPES, default_address
from providers.models import Provider

_NEEDED = ("providers.add_provider", "providers.change_provider", "providers.delete_provider")


class SetUpForm(ProviderForm):
    """A new provider, by its kind and key. Its name follows from its kind unless one is given."""

    kind = forms.ChoiceField(
        label="Provider",
        choices=lambda: [(kind.slug, kind.label) for kind in PROVIDER_TYPES.values()],
    )
    key = forms.CharField(
        label="API key",
        required=False,
        max_length=4_000,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    base_url = forms.CharField(
        label="Address",
        required=False,
        help_text="Only for a server of your own, or another address than the provider’s usual one.",
        widget=forms.TextInput(
            attrs={"placeholder": "https://…/v1", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )
    slug = forms.SlugField(
        label="Name",
        required=False,
        max_length=40,
        help_text="What stands before the slash in a model’s name. Empty: the provider’s own name.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}),
    )

    class Meta(ProviderForm.Meta):
        fields = ("slug", "label", "kind", "base_url", "model_names")  # type: ignore[assignment]  # fewer of them

    field_order = ("kind", "key", "base_url", "slug")

    def __init__(self, data: Any = None) -> None:
        """Take what was sent, ``None`` for nothing."""
        if data is not None:
            data = data.copy()
            kind = PROVIDER_TYPES.get(data.get("kind", ""))
            data["label"] = kind.label if kind else ""
            data["model_names"] = "\n".join(kind.models if kind else ())
            data["slug"] = data.get("slug", "").strip() or (_free_name(kind.slug) if kind else "")
        super().__init__(data)
        self.fields["key"].help_text = "It is stored encrypted, and not shown again."


def _free_name(kind: str) -> str:
    """Return a name for a new provider of this kind: the kind's own, if nobody has it."""
    taken = set(Provider.objects.values_list("slug", flat=True))
    names = (f"my-{kind}", *(f"my-{kind}-{number}" for number in range(2, 100)))
    own = () if lookup.is_set_up(kind) else (kind,)
    return next((name for name in (*own, *names) if name not in taken), kind)


type _View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponse]


def _for_admins[**P](view: _View[P]) -> _View[P]:
    """Wrap a view: who may not set up providers gets the page for what does not exist."""

    @never_cache
    @login_required
    @wraps(view)
    def respond(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.has_perms(_NEEDED):
            return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
        return view(request, *args, **kwargs)

    return respond


@sensitive_post_parameters("key")
@_for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """List the providers that can be used; POST stores a new one, and asks it for its models."""
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        provider = form.save()
        _try(provider)
        return HttpResponseRedirect(f"{reverse('providers')}#provider-{provider.pk}")
    rows = [(row, PROVIDER_TYPES.get(row.kind), cache.read(row)) for row in Provider.objects.all()]
    known = {row.slug for row, _, _ in rows}
    of_environment = [
        info
        for info in catalog.providers()
        if info.available and info.slug not in known and info.slug != "emulator"
    ]
    with_address = [kind.slug for kind in PROVIDER_TYPES.values() if default_address(kind) is None]
    return render(
        request,
        "account/providers.html",
        {"form": form, "rows": rows, "of_environment": of_environment, "with_address": with_address},
    )


@_for_admins
@require_POST
def test(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Test a provider, and fetch its models."""
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is None:
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    _try(provider)
    return HttpResponseRedirect(f"{reverse('providers')}#provider-{provider.pk}")


@_for_admins
@require_POST
def remove(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Remove a provider and its key."""
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is None:
        return render(request, "404.html", status=HTTPStatus.NOT_FOUND)
    provider.delete()
    return HttpResponseRedirect(reverse("providers"))


def _try(provider: Provider) -> None:
    (outcome,) = test_results.test([provider])
    if outcome.passed:
        test_results.fetch([provider])
