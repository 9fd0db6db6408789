"""``manage.py api_token USER``: make an API token, with which a program signs in."""

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from runs.models import ApiToken
from runs.models.token import LONGEST_DAYS, USUAL_SCOPES, Scope


class Command(BaseCommand):
    """Make an API token for a user and print it, as the last word of the output."""

    help = "Print a new API token of USER as the last word of the output. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the user name and the token's name."""
        parser.add_argument("user", help="a user name")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument(
            "--scopes",
            default=",".join(USUAL_SCOPES),
            help=f"what it may do, with commas between: {', '.join(Scope.values)}; by default %(default)s",
        )
        parser.add_argument("--days", type=int, help="days until it expires; by default it does not")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make and print the token.

        Raises:
            CommandError: there is no such user or scope, or the number of days is not positive.
        """
        model = get_user_model()
        try:
            user = model.objects.get_by_natural_key(options["user"])
        except model.DoesNotExist:
            raise CommandError(f"There is no user named {options['user']!r}.") from None
        scopes = set(filter(None, options["scopes"].split(",")))
        if unknown := sorted(scopes - set(Scope.values)):
            raise CommandError(f"There is no scope {unknown[0]!r}. Choose from {', '.join(Scope.values)}.")
        if not scopes:
            raise CommandError(f"A token needs a scope: {', '.join(Scope.values)}.")
        days = options["days"]
        if days is not None and not 0 < days <= LONGEST_DAYS:
            raise CommandError(f"A token is valid for 1 to {LONGEST_DAYS} days, or without --days for ever.")
        end = None if days is None else timezone.now() + timedelta(days=days)
        _, text = ApiToken.issue(user, options["name"][:100], scopes=scopes, expires_at=end)
        self.stdout.write(f"A new token of {user.get_username()}, shown only now: {text}")
