"""The package as others get it: built, installed from its file into a clean environment, and used."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house.generated import ROOT
from tests.ingest.service import KEY
from tests.sdk.python.ingest import RunningIngest

HERE = ROOT / "sdk" / "python"


def test_it_imports_nothing_but_the_standard_library() -> None:
    imported = {
        name.partition(".")[0]
        for path in (HERE / "tappa_sdk").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 9)))
        for name in names(node)
    }
    assert imported - sys.stdlib_module_names == {"tappa_sdk"}


def names(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.slow
def test_it_is_built_installed_and_sends(
    ingest: RunningIngest, tmp_path: Path, sdk_environment: dict[str, str]
) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    run([*build, "-t", "sdist"], HERE)
    [source] = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    [unpacked] = (tmp_path / "source").iterdir()
    run([*build, "-t", "wheel"], unpacked)
    [wheel] = tmp_path.glob("*.whl")
    assert "tappa_sdk/py.typed" in ZipFile(wheel).namelist()

    run([sys.executable, "-m", "venv", "clean"], tmp_path)
    python = tmp_path / "clean" / "bin" / "python"
    run([python, "-m", "pip", "install", "--quiet", "--no-index", wheel], tmp_path)
    program = "import sys; from tappa_sdk import Tappa; Tappa(*sys.argv[1:]).track('Signed Up', user_id='42')"
    run([python, "-I", "-c", program, KEY, ingest.url], tmp_path)
    assert [touchpoint.user_id for touchpoint in ingest.touchpoints()] == ["42"]
    assert "store and forward" in run([python, "-I", "-m", "tappa_sdk", "--help"], tmp_path)


def run(command: list[str | Path], folder: Path) -> str:
    """What it said; it must succeed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
