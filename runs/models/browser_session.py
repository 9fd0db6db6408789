"""What is known of the browsers in which a user is signed in."""

from django.conf import settings
from django.db import models

#: Characters of a browser's own name that are kept.
LONGEST_AGENT = 300


class BrowserSession(models.Model):
    """A session of Django's, as its user sees it. The session itself is a row of ``django.contrib.sessions``."""

    session_key = models.CharField(max_length=40, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="browser_sessions"
    )
    #: The header ``User-Agent``, cut.
    agent = models.CharField(max_length=LONGEST_AGENT, blank=True)
    address = models.CharField(max_length=64, blank=True)
    #: When it was seen first: usually the sign-in.
    since = models.DateTimeField(auto_now_add=True)
    #: Correct to a tenth of the time after which an unused session ends, or to ten minutes if that is less.
    last_seen_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"session of user {self.user_id}"
