"""One installation, the pages and the proxy, for all tests with a browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.sdk.js.built import SDK, build, installed
from tests.sdk.js.chromium import chromium
from tests.sdk.js.site import PAGES, pages, proxy, serving

HERE = Path(__file__).resolve().parent
DRIVE_S_MAX = 150.0
SEGMENT = HERE / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
TAG = """\
<!doctype html>
<title>One tag</title>
<script async src="/tappa.js" data-write-key="{key}" data-host="{host}" data-page-views></script>
"""


@dataclass(frozen=True, kw_only=True)
class Browser:
    """Scripts that drive a real browser, against pages on one origin and ingest, behind a proxy, on another."""

    tappa: Installation
    setting: dict[str, str]

    def drive(self, script: str, *arguments: str) -> dict[str, Any]:
        """What the script says at its end."""
        done = subprocess.run(
            ("node", script, *arguments),
            cwd=HERE,
            input=json.dumps(self.setting),
            capture_output=True,
            text=True,
            timeout=DRIVE_S_MAX,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, backend_ran: Callable[[str], None]) -> Iterator[Browser]:
    dist = tmp_path_factory.mktemp("dist")
    build(dist)
    installed(HERE)
    snippet = (SDK / "snippet.html").read_text()
    (dist / "snippet.js").write_text(snippet[snippet.index("!function") : snippet.index("tappa.init")])
    with (
        Installation(tmp_path_factory.mktemp("tappa")) as tappa,
        serving(proxy(tappa.url("ingest"), lambda: tappa.kill("ingest"))) as proxied,
        serving(pages((PAGES, dist), f"default-src 'none'; script-src 'self'; connect-src {proxied}")) as site,
        serving(pages((PAGES, SEGMENT, dist), "")) as lax,
    ):
        key = tappa.keys["web"]
        (dist / "tag.html").write_text(TAG.format(key=key, host=f"{proxied}/tag"))
        setting = {
            "chromium": chromium(),
            "pages": site,
            "elsewhere": site.replace("localhost", "127.0.0.1"),  # another site to a browser
            "lax": lax,
            "proxy": proxied,
            "ingest": tappa.url("ingest"),
            "writeKey": key,
            "tillKey": tappa.keys["till"],
        }
        backend_ran("browser: chromium")
        yield Browser(tappa=tappa, setting=setting)
