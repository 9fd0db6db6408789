"""All settings, read from the environment and from ``.env`` beside ``manage.py``.

``DEBUG`` is on by default: the local mode for one person on one machine (docs/decisions/0005). With ``DEBUG``
off, the secure value of each setting is the default.
``docs/settings.md`` lists every variable with its default; a test compares the two.
"""

# First: it reads ``.env``.
from project.settings.installation import *  # noqa: F403
from project.settings.limits import *  # noqa: F403
from project.settings.operation import *  # noqa: F403
from project.settings.providers import *  # noqa: F403
from project.settings.site import *  # noqa: F403
