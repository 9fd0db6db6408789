"""``manage.py api_token USER``: make an API token, with which a program signs in."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.models import ApiToken


class Command(BaseCommand):
    """Make an API token for a user and print it, as the last word of the output."""

    help = "Print a new API token of USER as the last word of the output. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the user name and the token's name."""
        parser.add_argument("user", help="a user name")
        parser.add_argument("--name", default="", help="what the token is for")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make and print the token.

        Raises:
            CommandError: there is no such user.
        """
        model = get_user_model()
        try:
            user = model.objects.get_by_natural_key(options["user"])
        except model.DoesNotExist:
            raise CommandError(f"There is no user named {options['user']!r}.") from None
        _, text = ApiToken.issue(user, options["name"])
        self.stdout.write(f"A new token of {user.get_username()}, shown only now: {text}")
