"""How times and JSON read in the admin. What is unknown is a dash, never a zero."""

import json
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from providers.text.hidden import visible

UNKNOWN = "–"


def readable(value: Any) -> SafeString:
    """Return ``value`` as indented JSON, escaped: all of it was written by somebody else."""
    if value is None:
        return format_html("<p>{}</p>", "Not kept.")
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="runnel-json" tabindex="0">{}</pre>', visible(text))


def moment(value: datetime | None) -> str:
    """Return a moment to the second, in the current time zone."""
    return UNKNOWN if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
