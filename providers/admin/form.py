"""The form for a provider: it validates the input, and takes a key but never shows one."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from providers.catalog import lookup
from providers.catalog.presets import PRESETS
from providers.catalog.provider_types import PROVIDER_TYPES, default_address
from providers.models import Provider
from providers.security.addresses import AddressRefused
from providers.security.pinned import check_entered

#: Of a list that somebody writes; the names of a fetched one have their own limits.
_MOST_NAMES = 500
_LONGEST_NAME = 150
_LONGEST_KEY = 4_000


# Django's own class takes no type: only the stubs are generic.
class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    """A provider. If the key's field is left empty, the stored key remains."""

    kind = forms.ChoiceField(
        choices=lambda: [(kind.slug, kind.label) for kind in PROVIDER_TYPES.values()],
        widget=UnfoldAdminSelectWidget,
        help_text="It decides which wire is spoken. For any other server take one that “speaks” a wire.",
    )
    key = forms.CharField(
        label="API key",
        required=False,
        max_length=_LONGEST_KEY,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
    forget_key = forms.BooleanField(
        label="Forget the stored key", required=False, widget=UnfoldBooleanSwitchWidget
    )
    model_names = forms.CharField(
        label="Models to suggest",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="One name on a line. Any other works too. “Fetch models” replaces this list.",
    )

    class Meta:
        model = Provider
        fields = (
            "slug",
            "label",
            "kind",
            "base_url",
            "is_enabled",
            "concurrency",
            "requests_per_minute",
            "model_names",
            "test_model",
        )
        help_texts = {
            "slug": "What stands before the slash in a model's name: with “acme” here it is acme/some-model.",
            "label": "As people are told of it.",
            "base_url": "Empty for the vendor's own address. https only.",
            "concurrency": "In each process of this server. Empty for no limit.",
            "requests_per_minute": "Empty for no limit.",
            "test_model": "A test asks it for a word, which costs a little. Empty: a test asks for the list of models.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: What the stored key is for; ``None`` without one.
        self._stored_for = self.instance.purpose if self.instance.sealed_key else None
        self.initial["model_names"] = "\n".join(map(str, self.instance.model_names))
        self.fields["key"].help_text = (
            "A key is stored, and is not shown again. Leave this empty to keep it."
            if self._stored_for
            else "It is stored encrypted, and not shown again."
        )
        if not self._stored_for:
            del self.fields["forget_key"]

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"]
        # A provider's own name is free for its own kind where the environment does not set it up.
        is_its_own = slug == self.data.get("kind") and not lookup.is_set_up(slug)
        if slug in PRESETS and slug != self.initial.get("slug") and not is_its_own:
            raise ValidationError(
                f"{slug} is the name of a provider that the environment can set up. Choose another one, "
                f"for example my-{slug}."
            )
        return slug

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"]
        if not url:
            return ""
        try:
            return check_entered(url, allow_loopback=settings.RUNNEL_ALLOW_LOOPBACK_PROVIDERS)
        except AddressRefused as refusal:
            raise ValidationError(refusal.message) from None

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        # It travels in a header. What was entered is not repeated, here or anywhere.
        if not key.isascii() or not key.isprintable() or " " in key:
            raise ValidationError("A key has letters, digits and signs, and neither spaces nor line breaks.")
        return key

    def clean_model_names(self) -> list[str]:
        lines = map(str.strip, self.cleaned_data["model_names"].splitlines())
        names = list(dict.fromkeys(line for line in lines if line))
        if len(names) > _MOST_NAMES:
            raise ValidationError(f"A list has {_MOST_NAMES} names at most.")
        if any(len(name) > _LONGEST_NAME or not name.isprintable() for name in names):
            raise ValidationError(f"A name has {_LONGEST_NAME} characters at most, all of them visible.")
        return names

    def clean(self) -> dict[str, Any]:
        """Validate kind, address and key together."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        kind = PROVIDER_TYPES.get(data.get("kind", ""))
        if kind is None or "base_url" not in data:
            return data
        if not data["base_url"] and default_address(kind) is None:
            self.add_error("base_url", f"{kind.label} has no address of its own. Say where yours is.")
            return data
        has_key = bool(data.get("key")) or (bool(self._stored_for) and not data.get("forget_key"))
        if kind.key in kind.needs and not has_key and "key" in data:
            self.add_error("key", f"{kind.label} wants a key.")
        return data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook: the instance has its values now
        if self.errors or not self._stored_for or self.cleaned_data["key"] or self.cleaned_data["forget_key"]:
            return
        if self.instance.purpose != self._stored_for:
            self.add_error(
                "key",
                f"The stored key was entered for {self._stored_for} and goes nowhere else. Enter it again for "
                "the new address.",
            )

    def save(self, commit: bool = True) -> Provider:
        """Seal the key into the row and save it."""
        if key := self.cleaned_data["key"]:
            self.instance.seal(key)
        elif self.cleaned_data.get("forget_key"):
            self.instance.seal("")
        provider: Provider = super().save(commit)
        return provider
