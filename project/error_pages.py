"""Django's page about an error while DEBUG is on, without the passwords in addresses.

It masks settings by their names; the address of a database, of Redis or of a provider may hold a password, too,
and so may any local variable on the page.
"""

import re
from typing import Any, override

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter

#: Name and password in an address; also on their own as HTML shows them.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/?#\"'<>\\]{1,500}@")


def _without_credentials(page: str) -> SafeString:
    return mark_safe(_CREDENTIALS.sub("…@", page))  # noqa: S308 - Django has escaped it


class Reporter(ExceptionReporter):
    """Writes the page."""

    @override
    def get_traceback_html(self) -> SafeString:
        return _without_credentials(super().get_traceback_html())

    @override
    def get_traceback_text(self) -> SafeString:
        return _without_credentials(super().get_traceback_text())

    @override
    def get_traceback_data(self) -> dict[str, Any]:
        return super().get_traceback_data() | {"settings": {}}
