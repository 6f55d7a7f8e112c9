"""The package as it is published, and what is quicker to ask of Node than of a browser."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Final

import pytest

from tests.installing import run
from tests.sdk.js.built import SDK, build, installed

pytestmark = pytest.mark.slow

BUNDLE_BYTES_MAX: Final = 9 * 1024
SECONDS_MAX: Final = 120.0
USE: Final = """\
import tappa, { AnalyticsBrowser, init, track, type Options, type Product } from "tappa";
const options: Options = { writeKey: "k", host: "https://touch.example" };
const product: Product = { sku: "JA-001", price: 189 };
init(options).page("Home");
void track("Product Viewed", product);
// @ts-expect-error: a price is a number
void tappa.track("Product Viewed", { price: "189" });
void AnalyticsBrowser.load(options).identify("42", { email: "ann@example.com" });
"""


def test_the_unit_tests_pass() -> None:
    run(("npm", "test", "--silent"), installed(SDK), SECONDS_MAX)


def test_the_bundle_is_small(tmp_path: Path) -> None:
    build(tmp_path)
    assert len(gzip.compress((tmp_path / "tappa.js").read_bytes(), 9)) <= BUNDLE_BYTES_MAX


def test_the_package_is_installed_from_its_file_and_used_with_its_types(tmp_path: Path) -> None:
    packed = json.loads(
        run(("npm", "pack", "--json", "--pack-destination", str(tmp_path)), installed(SDK), SECONDS_MAX)
    )
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run(("npm", "install", "--no-audit", "--no-fund", packed[0]["filename"]), tmp_path, SECONDS_MAX)
    (tmp_path / "use.ts").write_text(USE)
    compiler = SDK / "node_modules" / "typescript" / "bin" / "tsc"
    strict = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "use.ts")
    run(("node", str(compiler), *strict), tmp_path, SECONDS_MAX)
    said = run(
        ("node", "-e", "import('tappa').then(({ default: t }) => t.track('x').then((told) => console.log(told)))"),
        tmp_path,
        SECONDS_MAX,
    )
    assert said == "undefined\n"  # a server has no page to speak of


def test_the_package_brings_nothing_along_and_its_lock_file_names_no_registry() -> None:
    package = json.loads((SDK / "package.json").read_text())
    assert "dependencies" not in package
    for folder in (SDK, Path(__file__).parent):
        assert "resolved" not in (folder / "package-lock.json").read_text()
