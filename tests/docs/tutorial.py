"""The tutorial and pages like it, as scripts: their commands are run, their queries are asked, and the answers are
compared or written in.

In such a page a block of ``sh`` is run line by line; ``tappa up --data DIR`` starts an installation that serves until
the next one starts, with what was set by ``export NAME=VALUE`` before. A block of ``sql`` is asked of it as the
analyst, and the Markdown table right after the block is its answer. A block that has a file's name after its language
is that file; ``mkdir`` and ``cp`` are run. In ``curl`` and in blocks of ``python`` the page's address is that of the
installation, ``WRITE_KEY`` the key of the source that was added last, and a block of ``json`` right after them is what
they print.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from tappa.imports.target import ingest_url, wait_until_known

ROOT: Final = Path(__file__).parents[2]
STORES: Final = ROOT / "docs" / "stores.md"
PAGES: Final = (ROOT / "docs" / "tutorial.md", STORES, *sorted((ROOT / "docs" / "models").glob("on_real_*.md")))
READY_WITHIN_S: Final = 120.0
ADDRESS: Final = "http://127.0.0.1:8000"
KEY: Final = "WRITE_KEY"

_BLOCK = re.compile(r"```([a-z]+)(?: (\S+))?\n(.*?)\n```\n(?:\n((?:\|[^\n]*\n)+|```json\n.*?\n```\n))?", re.DOTALL)


class Block(NamedTuple):
    """A fenced block, and the table or block of ``json`` after it."""

    kind: str
    file: str
    text: str
    answer: str
    at: int
    """Where the answer begins in the page."""


class Answer(NamedTuple):
    """What a query said now, beside what the page says."""

    query: str
    page: str
    now: str
    at: int


def blocks(page: str) -> Iterator[Block]:
    for found in _BLOCK.finditer(page):
        at = found.start(4) if found[4] else found.end()
        yield Block(found[1], found[2] or "", found[3], found[4] or "", at)


def answers(page: str, folder: Path) -> Iterator[Answer]:
    """Plays the page in ``folder``, which must be empty."""
    (folder / "samples").symlink_to(ROOT / "samples")
    environment = {**os.environ}
    with ExitStack() as running:
        data, key = folder, ""
        for block in blocks(page):
            printed = b""
            if block.file:
                (folder / block.file).write_text(block.text + "\n")
            elif block.kind == "sql":
                yield Answer(block.text, block.answer, asked(block.text, data), block.at)
            elif block.kind == "python":
                printed = program([sys.executable, "-c", here(block.text, data, key)], folder)
            for words in commands(block.text) if block.kind == "sh" else ():
                if words[:1] == ["export"]:
                    name, _, value = words[1].partition("=")
                    environment[name] = value
                elif words[:2] == ["tappa", "up"]:
                    running.close()
                    data = folder / (words[words.index("--data") + 1] if "--data" in words else "tappa-data")
                    running.enter_context(installation(data, folder, environment))
                elif words[:1] == ["tappa"]:
                    run(words[1:], folder, environment)
                    key = added(words[3], data) if words[:3] == ["tappa", "sources", "add"] else key
                elif words[:1] in (["curl"], ["mkdir"], ["cp"]):
                    printed = program([here(word, data, key) for word in words], folder)
            if block.answer.startswith("```json"):
                yield Answer(block.text, block.answer, as_block(printed, block.answer), block.at)


def commands(text: str) -> Iterator[list[str]]:
    """Of a block of ``sh``: a command may go on over several lines, in quotes or behind a backslash."""
    begun = ""
    for line in text.splitlines():
        begun = f"{begun}\n{line}" if begun else line
        try:
            words = shlex.split(begun.replace("\\\n", " "), comments=True)
        except ValueError:
            continue
        if not begun.endswith("\\"):
            yield words
            begun = ""
    assert not begun, f"this has no end: {begun}"


def here(text: str, data: Path, key: str) -> str:
    """What the page says, of this installation."""
    return text.replace(ADDRESS, ingest_url(data)).replace(KEY, key)


def added(source: str, data: Path) -> str:
    """The write key of a source, once ingest knows it."""
    command = [sys.executable, "-m", "tappa", "sources", "--json", "--data", str(data)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    key = next(str(one["write_key"]) for one in told if one["name"] == source)
    wait_until_known(ingest_url(data), [key])
    return key


def program(words: list[str], folder: Path) -> bytes:
    """What it prints."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "python")])
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout!r} {done.stderr.decode()}"
    return done.stdout


def as_block(printed: bytes, page: str) -> str:
    """What was printed, as the page shows it: word for word if it says the same."""
    said = json.loads(printed)
    if json.loads(page.removeprefix("```json\n").removesuffix("```\n")) == said:
        return page
    short = json.dumps(said, ensure_ascii=False)
    return f"```json\n{short if len(short) < 120 else json.dumps(said, indent=2, ensure_ascii=False)}\n```\n"


@contextmanager
def installation(data: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """``tappa up`` on free ports, until the end of the block."""
    data.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tappa", "up", "--data", str(data), "--port", "0", "--clickhouse-port", "0"]
    with (folder / "up.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=environment)
        try:
            deadline = time.monotonic() + READY_WITHIN_S
            while not ready(data):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"tappa up does not start:\n{(folder / 'up.log').read_text()}")
                time.sleep(0.2)
            yield
        finally:
            process.terminate()
            process.wait(30)


def ready(data: Path) -> bool:
    try:
        return bool(json.loads((data / "run.json").read_text())["ready"])
    except (OSError, ValueError):
        return False


def run(words: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "tappa", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"tappa {shlex.join(words)}: {done.stdout}{done.stderr}"


@cache
def connection(data: Path) -> dict[str, Any]:
    """What ``tappa connect`` says."""
    command = [sys.executable, "-m", "tappa", "connect", "--json", "--data", str(data)]
    told: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return told


def asked(query: str, data: Path) -> str:
    """The query's answer as a Markdown table, asked as the analyst."""
    told = connection(data)
    address = f"http://{told['host']}:{told['port']}/?" + urllib.parse.urlencode({"database": told["database"]})
    token = b64encode(f"{told['user']}:{told['password']}".encode()).decode()
    request = urllib.request.Request(
        address, (query + "\nFORMAT Markdown").encode(), {"Authorization": f"Basic {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            text: str = response.read().decode()
            return text
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query}\n{error.read().decode()[:2000]}") from None


def regenerated(page: str, found: list[Answer]) -> str:
    """The page with the answers of now."""
    for answer in sorted(found, key=lambda one: -one.at):
        written = answer.now if answer.page else "\n" + answer.now
        page = page[: answer.at] + written + page[answer.at + len(answer.page) :]
    return page
