"""``docs/settings.md`` against the variables that the code reads, so that neither can drift."""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from providers.catalog.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]

#: Rows of all tables on the page: name, default, unit, meaning.
ROWS = re.findall(
    r"^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \| (.*?) \| (.*?) \|$",
    re.sub(r" \|(?= \|)", " | ", (ROOT / "docs" / "settings.md").read_text()),
    re.MULTILINE,
)
PAGE = {name: (default.strip(), unit.strip(), meaning) for name, default, unit, meaning in ROWS}

#: What a name says about its unit.
UNITS = {
    "_SECONDS": "seconds",
    "_TIMEOUT": "seconds",
    "_MS": "milliseconds",
    "_MB": "megabytes",
    "_CHARS": "characters",
}

_READ = """
import json
import django
from project import environment
django.setup()
from runs.management.commands.serve import Command
Command().create_parser("manage.py", "serve")
print(json.dumps(environment.defaults))
"""


@cache
def defaults(debug: str = "") -> dict[str, Any]:
    """Return every variable that the settings and ``serve`` read, with its default, from a process of its own."""
    environ = {name: os.environ[name] for name in ("PATH", "RUNNEL_ENV_FILE", "RUNNEL_DATA_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", _READ],
        cwd=ROOT,
        env=environ | {"DJANGO_SETTINGS_MODULE": "project.settings", "DEBUG": debug},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def written(default: Any) -> str:
    """Return how the page writes ``default``, nothing where there is none."""
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return f"`{default}`".lower()
    if isinstance(default, float):
        return f"`{default:.15g}`"
    return f"`{default}`".replace(f"{ROOT}{os.sep}", "")


def test_the_page_has_every_variable_once_and_no_other():
    assert [name for name, *_ in ROWS if sum(row[0] == name for row in ROWS) > 1] == []
    assert PAGE.keys() == defaults().keys()


@pytest.mark.parametrize("name", PAGE)
def test_the_page_has_the_default_of_the_code(name: str):
    local, strict = written(defaults()[name]), written(defaults("false")[name])
    shown = PAGE[name][0]

    if not local:
        # A sentence may say what happens then; a value it is not.
        assert "`" not in shown
    elif local == strict:
        assert shown == local
    else:
        assert shown == f"{local}; {strict} with `DEBUG=false`"


@pytest.mark.parametrize("name", PAGE)
def test_the_page_has_the_unit_of_a_number(name: str):
    unit = PAGE[name][1]
    is_number = type(defaults()[name]) in (int, float)

    assert bool(unit) == is_number
    for ending, expected in UNITS.items():
        if name.endswith(ending) and is_number:
            assert unit == expected


def test_every_setting_of_a_preset_is_read():
    named = {
        name
        for preset in PRESETS.values()
        for name in (
            *preset.needs,
            preset.key,
            preset.address,
            preset.project,
            preset.region,
            *(setting for _, setting in preset.header_settings),
        )
        if name
    }

    assert named <= defaults().keys()


def test_the_example_names_known_settings_only():
    named = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert named
    assert set(named) <= defaults().keys()
