from __future__ import annotations

import re
import subprocess

import click
import pytest

from tappa.cli import main
from tappa.settings import Settings
from tappa.settings_page import page
from tappa.tree import leaves
from tests.house.generated import ROOT, stale


def test_the_generated_pages_are_up_to_date() -> None:
    assert stale() == [], "write them anew with: make docs"


def test_every_setting_is_described() -> None:
    bare = [name for name, field in leaves(Settings) if not field.description]
    assert bare == []


def test_every_setting_is_on_the_page() -> None:
    written = set(re.findall(r"^\| `(\w+)` \|", page(), re.MULTILINE))
    assert {name.rpartition(".")[2] for name, _ in leaves(Settings)} == written


def test_links_between_pages_lead_somewhere() -> None:
    committed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    files = {ROOT / name for name in committed}
    broken = [
        f"{page}: {target}"
        for page in files
        if page.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "deploy/README.md", "docs/settings.md", "docs/import.md", "docs/stores.md", "docs/tutorial.md"],
)
def test_the_commands_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"(?:^|[`/ ])tappa ([a-z]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= set(main.list_commands(click.Context(main)))


def test_the_targets_that_the_pages_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "CONTRIBUTING.md")]
    named = {target for page in pages for target in re.findall(r"(?:^|`)make ([a-z-]+)", page, re.MULTILINE)}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_the_lock_files_name_no_registry() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "tests/clients/segment/python/requirements.txt"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8")


def test_nothing_committed_speaks_of_the_place_where_it_was_written() -> None:
    found = subprocess.run(
        ["git", "grep", "-lIF", "-e", str(ROOT), "-e", str(ROOT.parent / "shared"), "-e", "../shared", "--",
         ":!tests/house"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    assert found == []
