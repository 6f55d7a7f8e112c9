"""The examples of the SDK's README run as they are, but for the key and the address."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from fastapi import FastAPI

import tappa_sdk
from tests.house.generated import ROOT
from tests.ingest.service import KEY
from tests.sdk.python.ingest import RunningIngest


async def test_the_examples_of_the_readme_run(ingest: RunningIngest) -> None:
    page = (ROOT / "sdk/python/README.md").read_text(encoding="utf-8")
    page = page.replace("WRITE_KEY", KEY).replace("https://touch.example.com", ingest.url)
    waiting, awaiting, middleware, receipt = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    app = FastAPI()
    names: dict[str, Any] = {"AsyncTappa": tappa_sdk.AsyncTappa, "app": app}
    exec(waiting, names)
    exec(f"async def example():\n{textwrap.indent(awaiting, '    ')}", names)
    await names["example"]()
    exec(middleware, names)
    exec(receipt, names)
    names["tappa"].close()
    assert sorted(touchpoint.type for touchpoint in ingest.touchpoints()) == ["identify", "receipt", "track", "track"]
    assert [middleware.cls for middleware in app.user_middleware] == [tappa_sdk.TappaMiddleware]
