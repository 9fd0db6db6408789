"""What operators use beside the services: the command for the units' data, and the alerts."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from runs.telemetry import metrics, rows

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return an installation whose commands print what they were started with, and a ``runuser`` that changes no user."""
    tree = tmp_path / "runnel-1"
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / "deploy" / "systemd").mkdir(parents=True)
    script = (DEPLOY / "systemd" / "manage").read_text()
    assert script.count("/etc/runnel/env") == 1
    (tree / "deploy" / "systemd" / "manage").write_text(script.replace("/etc/runnel/env", f"{tmp_path}/env"))
    (tree / "deploy" / "systemd" / "manage").chmod(0o755)
    python = tree / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$PWD $DEBUG $RUNNEL_DATA_DIR $RUNNEL_ENV_FILE"\nprintf "<%s>" "$@"\n')
    runuser = tmp_path / "bin" / "runuser"
    runuser.parent.mkdir()
    runuser.write_text('#!/bin/sh\n[ "$1" = --user=runnel ] && [ "$2" = -- ] && shift 2 && exec "$@"\n')
    for program in (python, runuser):
        program.chmod(0o755)
    (tmp_path / "runnel").symlink_to(tree)
    return tree


def manage(tree: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [str(tree.parent / "runnel" / "deploy" / "systemd" / "manage"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": f"{tree.parent}/bin:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_command_has_the_settings_and_the_data_of_the_units(tree: Path) -> None:
    (tree.parent / "env").write_text("SECRET_KEY=one\n")
    told, arguments = manage(tree, "backup", "/backups/of today")
    assert told == f"{tree} false /var/lib/runnel {tree.parent}/env"
    assert arguments == "<manage.py><backup></backups/of today>"


def test_what_the_file_of_settings_says_wins_as_in_the_units(tree: Path) -> None:
    (tree.parent / "env").write_text("RUNNEL_DATA_DIR=/srv/runnel\n")
    assert manage(tree, "prune")[0] == f"{tree} false  {tree.parent}/env"


def _expressions() -> list[str]:
    told = yaml.safe_load((DEPLOY / "prometheus" / "runnel.yml").read_text())
    alerts = [rule["expr"] for group in told["groups"] for rule in group["rules"]]
    page = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    return alerts + re.findall(r"^\| [^|`]+ \| `([^`]*\([^`]*runnel_[^`]*)` \|$", page, re.MULTILINE)


@pytest.mark.django_db
def test_alerts_and_panels_ask_for_metrics_that_there_are() -> None:
    told = metrics.text(rows.UnfinishedRuns()).decode()
    known = {family.name for family in text_string_to_metric_families(told)} | {"up"}
    assert len(_expressions()) > 15
    for expression in _expressions():
        names = re.findall(r"\b(?:(?:runnel|process)_\w+|up)\b", expression)
        assert names
        assert {re.sub(r"_(total|bucket)$", "", name) for name in names} <= known, expression
        # Prometheus has to have seen a number before it notices that it rises.
        for reason in re.findall(r'stop_reason="(\w+)"', expression):
            assert f'runnel_runs_ended_total{{status="failed",stop_reason="{reason}"}}' in told
