"""Reads a web page or XML that came in place of a provider's answer. Pure."""

import html
import re
from collections.abc import Mapping
from typing import Any

#: Characters of a page that are read.
_LONGEST = 64 * 1024
_BEGINNINGS = ("<!doctype", "<html", "<?xml", "<head", "<error")
#: Where the heading and the code stand; Amazon's services word errors as XML with ``Message`` and ``Code``.
_HEADING = re.compile(r"<(?:title|message)\b[^>]*>([^<]*)", re.IGNORECASE)
_CODE = re.compile(r"<code>\s*(\w[\w.]*)\s*</code>", re.IGNORECASE)
_INVISIBLE = re.compile(r"<(script|style|svg)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")


def is_page(body: object) -> bool:
    """Whether ``body`` is a web page or XML, for example from a proxy or a sign-in page."""
    return isinstance(body, str) and body.lstrip("\ufeff \t\r\n")[:15].lower().startswith(_BEGINNINGS)


def page_as_node(page: str) -> Mapping[str, Any]:
    """Return a page as the description of an error: its heading (maybe empty), its code and its visible text."""
    page = page[:_LONGEST]
    heading, code = _HEADING.search(page), _CODE.search(page)
    text = _TAG.sub(" ", _INVISIBLE.sub(" ", page))
    return {
        "message": html.unescape(heading[1]) if heading else "",
        "code": code[1] if code else None,
        "visible_text": " ".join(html.unescape(text).split()),
    }
