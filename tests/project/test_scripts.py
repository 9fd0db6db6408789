"""The programs behind ``make``, run as a person's shell runs them."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, answer: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={"RUNNEL_ENV_FILE": os.devnull, "HOME": "/nonexistent", "PATH": os.environ["PATH"]} | environ,
        input=answer,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class TestReset:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "data"
        (folder / "static").mkdir(parents=True)
        (folder / "static" / "page.js").touch()
        (folder / "runnel.sqlite3").touch()
        (tmp_path / "neighbour").touch()
        return folder

    def reset(self, folder: Path, answer: str) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, ROOT / "scripts/reset.py", answer=answer, RUNNEL_DATA_DIR=str(folder))

    def test_it_empties_the_data_folder_and_nothing_else(self, folder: Path):
        done = self.reset(folder, "yes\n")

        assert done.returncode == 0
        assert list(folder.iterdir()) == []
        assert (folder.parent / "neighbour").exists()

    @pytest.mark.parametrize("answer", ["", "\n", "y\n", "no\n"])
    def test_it_keeps_everything_without_a_clear_yes(self, folder: Path, answer: str):
        done = self.reset(folder, answer)

        assert done.returncode == 1
        assert (folder / "runnel.sqlite3").exists()
        assert (folder / "static" / "page.js").exists()

    def test_it_keeps_everything_while_a_server_runs(self, folder: Path):
        with (folder / "server.lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            done = self.reset(folder, "yes\n")

        assert done.returncode == 1
        assert "stop it first" in done.stderr
        assert (folder / "runnel.sqlite3").exists()

    def test_it_leaves_what_a_link_leads_to(self, folder: Path):
        elsewhere = folder.parent / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "kept").touch()
        (folder / "link").symlink_to(elsewhere)

        self.reset(folder, "yes\n")

        assert (elsewhere / "kept").exists()

    @pytest.mark.parametrize("above", [0, 1])
    def test_it_refuses_a_folder_that_holds_the_program(self, tmp_path: Path, above: int):
        # A copy, because a reset that fails this test deletes it.
        copy = tmp_path / "holder" / "copy"
        for name in ("project", "runs", "scripts"):
            shutil.copytree(ROOT / name, copy / name)
        folder = (copy, copy.parent)[above]

        done = run(sys.executable, copy / "scripts/reset.py", answer="yes\n", RUNNEL_DATA_DIR=str(folder))

        assert done.returncode == 1
        assert "nothing was deleted" in done.stderr
        assert (copy / "project" / "settings").exists()


#: A command of each package that tests need, and the package.
NEEDED = {"chromium": "chromium", "node": "nodejs", "initdb": "postgresql", "redis-server": "redis-server"}


class TestPackages:
    @pytest.fixture
    def bare_path(self, tmp_path: Path) -> Path:
        """Return a folder of commands in which there is a shell, and nothing that tests need, and no apt."""
        for name in ("sh", "tr", "id"):
            (tmp_path / name).symlink_to(str(shutil.which(name)))
        return tmp_path

    def test_it_says_nothing_when_all_is_there(self, bare_path: Path):
        for name in NEEDED:
            (bare_path / name).touch(mode=0o755)

        done = run(ROOT / ".ci/packages", PATH=str(bare_path), CI="true")

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_says_what_is_missing_and_how_to_get_it(self, bare_path: Path):
        done = run(ROOT / ".ci/packages", PATH=str(bare_path))

        assert (done.returncode, done.stdout) == (0, "\n".join([*NEEDED.values(), ""]))
        assert f"apt-get install {' '.join(NEEDED.values())}" in done.stderr

    @pytest.mark.parametrize("absent", NEEDED)
    def test_it_fails_in_ci_when_something_is_missing(self, bare_path: Path, absent: str):
        for name in NEEDED.keys() - {absent}:
            (bare_path / name).touch(mode=0o755)

        done = run(ROOT / ".ci/packages", PATH=str(bare_path), CI="true")

        assert (done.returncode, done.stdout) == (1, f"{NEEDED[absent]}\n")


class TestInstall:
    """With two small wheels and no network: what installs them are the real pip and the real uv."""

    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        tree = tmp_path / "tree"
        (tree / "scripts").mkdir(parents=True)
        for name in ("install", "pip_install.py"):
            shutil.copy(ROOT / "scripts" / name, tree / "scripts" / name)
        lines = ["--no-index", f"--find-links {tree}"]
        for name in ("runnel_one", "runnel_two"):
            wheel = tree / f"{name}-1.0-py3-none-any.whl"
            info = f"{name}-1.0.dist-info"
            with zipfile.ZipFile(wheel, "w") as files:
                files.writestr(f"{name}.py", "")
                files.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
                files.writestr(
                    f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                )
                files.writestr(f"{info}/RECORD", "")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            lines.append(f"{name.replace('_', '-')}==1.0 --hash=sha256:{digest}")
        lines.append('runnel-other==1.0 ; sys_platform == "win32" --hash=sha256:' + 64 * "0")
        for name in ("", "-dev", "-boto3", "-otel", "-s3"):
            (tree / f"requirements{name}.txt").write_text("\n".join([*lines, f"# {name}", ""]))
        return tree

    @pytest.fixture(params=["pip", "uv"])
    def path(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        """Return a PATH with this Python, without uv or with it."""
        commands = tmp_path / "commands"
        commands.mkdir()
        (commands / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
        for name in ("sh", "dirname", "cmp", "cp", "rm"):
            (commands / name).symlink_to(str(shutil.which(name)))
        if request.param == "uv":
            (commands / "uv").symlink_to(Path(sys.executable).parent / "uv")
        return str(commands)

    def test_it_installs_and_says_how_far_it_is(self, tree: Path, path: str):
        done = run(tree / "scripts/install", PATH=path)

        assert done.returncode == 0, done.stderr
        assert "Making .venv with Python 3." in done.stdout
        if "with pip" in done.stdout:
            assert "  1/2 fetching runnel-one\n  2/2 fetching runnel-two\n" in done.stdout
            assert "  2/2 installed runnel-two\n" in done.stdout
        else:
            assert "with uv" in done.stdout
            assert "Installed 2 packages" in done.stderr
        assert run(tree / ".venv/bin/python", "-c", "import runnel_one, runnel_two").returncode == 0

    def test_it_does_nothing_when_all_is_in_place(self, tree: Path, path: str):
        run(tree / "scripts/install", "dev", PATH=path)

        for arguments in ((), ("dev",), ("boto3",), ("otel",), ("s3",)):
            done = run(tree / "scripts/install", *arguments, PATH=path)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_it_refuses_a_package_with_another_hash(self, tree: Path, path: str):
        pinned = tree / "requirements.txt"
        pinned.write_text(
            pinned.read_text().replace(
                "runnel-two==1.0 --hash=sha256:", f"runnel-two==1.0 --hash=sha256:{64 * '0'} #"
            )
        )

        done = run(tree / "scripts/install", PATH=path)

        assert done.returncode != 0
        assert "hash" in done.stderr.lower()
        assert not (tree / ".venv" / "installed.txt").exists()
        assert run(tree / ".venv/bin/python", "-c", "import runnel_two").returncode != 0
