"""How a user wants pages to look."""

from django.conf import settings
from django.db import models


class Theme(models.TextChoices):
    """Which colours pages have."""

    #: As the browser or the system is set.
    SYSTEM = "", "As the system is set"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


#: The languages in which dates can be shown, by their tags (BCP 47), each in its own words.
DATE_LOCALES = {
    "": "As the browser is set",
    "en": "English (US): Nov 29, 2026, 3:30 PM",
    "en-GB": "English (UK): 29 Nov 2026, 15:30",
    "de": "Deutsch: 29.11.2026, 15:30",
    "fr": "Français : 29 nov. 2026, 15:30",
    "it": "Italiano: 29 nov 2026, 15:30",
    "es": "Español: 29 nov 2026, 15:30",
    "pt-BR": "Português (Brasil): 29 de nov. de 2026, 15:30",
    "nl": "Nederlands: 29 nov 2026, 15:30",
    "pl": "Polski: 29 lis 2026, 15:30",
    "sv": "Svenska: 29 nov. 2026 15:30",
    "ja": "日本語: 2026/11/29 15:30",
    "zh-CN": "中文: 2026年11月29日 15:30",
}


class Preferences(models.Model):
    """How one user wants pages to look. A user without a row has the defaults."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="preferences"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, blank=True, default="", db_default="")
    #: A key of ``DATE_LOCALES``.
    date_locale = models.CharField(max_length=16, blank=True, default="", db_default="")

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of user {self.pk}"
