"""The reference in the README of the Python SDK, from its types and docstrings."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tappa_sdk
from tappa_sdk.calls import Calls
from tappa_sdk.client import Client
from tappa_sdk.commands import parser

README = Path(tappa_sdk.__file__).resolve().parents[1] / "README.md"
CALLS = ("track", "identify", "page", "screen", "group", "alias", "receipt")
COMMON = ("user_id", "anonymous_id", "contacts", "context", "timestamp", "message_id")
"""Parameters that nearly all calls have: shown once."""
ERRORS = ("InvalidMessageError", "InvalidReceiptError", "QueueFullError", "SpoolError", "ClosedError", "TappaError")
SHAPES = ("Line", "Customer", "Referred")


def readme() -> str:
    """The README with its reference written anew."""
    page = README.read_text(encoding="utf-8")
    made = "<!-- generated: reference -->\n" + "\n".join(_reference()) + "\n<!-- end -->"
    return re.sub(r"<!-- generated: reference -->\n.*?<!-- end -->", lambda _: made, page, flags=re.DOTALL)


def _reference() -> Iterator[str]:
    yield f"### `{_signature('Tappa', Client.__init__, 'Tappa')}`\n"
    yield f"{_doc(tappa_sdk.Tappa)}\n\n{_doc(Client)}\n"
    yield f"#### Calls\n\n{_doc(Calls)}\n"
    shared = inspect.signature(Calls.track).parameters
    yield f"`…` stands for `{', '.join(f'{name}: {shared[name].annotation} = None' for name in COMMON)}`.\n"
    for name in CALLS:
        yield f"* `{_signature(name, getattr(Calls, name), 'str')}`: {_doc(getattr(Calls, name))}"
    for name in ("flush", "close"):
        yield f"* `{_signature(name, getattr(tappa_sdk.Tappa, name))}`: {_doc(getattr(tappa_sdk.Tappa, name))}"
    yield f"\n### `AsyncTappa`\n\n{_doc(tappa_sdk.AsyncTappa)} Options and calls are those of `Tappa`; await them.\n"
    middleware = tappa_sdk.TappaMiddleware
    yield f"### `{_signature('TappaMiddleware', middleware.__init__, 'TappaMiddleware')}`\n\n{_doc(middleware)}\n"
    yield f"`anonymous_id()`: {_doc(tappa_sdk.anonymous_id)}\n"
    yield f"### `Rejected`\n\n{_doc(tappa_sdk.Rejected)}\n"
    for field, doc in _fields(tappa_sdk.Rejected):
        yield f"* `{field}`: {doc}"
    yield "\n### Parts of a receipt\n"
    for name in SHAPES:
        yield f"* `{name}`: {_doc(getattr(tappa_sdk, name))} {_members(getattr(tappa_sdk, name))}"
    yield "\n### Errors\n"
    for name in ERRORS:
        yield f"* `{name}`: {_doc(getattr(tappa_sdk, name))}"
    command = parser()["spool"]
    yield f"\n### `python -m tappa_sdk spool`\n\n{command.description}\n\n| argument | |\n| --- | --- |"
    for action in command._actions:
        yield f"| `{' '.join(action.option_strings) or action.dest}` | {action.help} |"


def _signature(name: str, called: Callable[..., Any], returns: str = "") -> str:
    """``name(a: type = default) -> type``, as it is written in the code."""
    found = inspect.signature(called)
    parts, keyword_only = [], False
    parameters = list(found.parameters.values())[1:]
    common = COMMON if {parameter.name for parameter in parameters} >= set(COMMON) else ()
    for parameter in parameters:
        if (
            parameter.name in common
            and parameter.default is None
            and (keyword_only or parameter.kind is parameter.KEYWORD_ONLY)
        ):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        star = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        parts.append(f"{star}{parameter.name}: {parameter.annotation}{default}")
    if common:
        parts += ["…"] if keyword_only else ["*", "…"]
    return f"{name}({', '.join(parts)}) -> {returns or found.return_annotation}"


def _doc(thing: Any) -> str:
    """Its docstring as one paragraph, with Markdown's quotes."""
    return " ".join((inspect.getdoc(thing) or "").split()).replace("``", "`")


def _fields(thing: type) -> Iterator[tuple[str, str]]:
    """The fields and properties of a class, each with what is written below it."""
    [body] = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    assert isinstance(body, ast.ClassDef)
    for number, node in enumerate(body.body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            following = body.body[number + 1]
            assert isinstance(following, ast.Expr)
            assert isinstance(following.value, ast.Constant)
            doc = " ".join(str(following.value.value).split()).replace("``", "`")
            yield f"{node.target.id}: {ast.unparse(node.annotation)}", doc
        elif isinstance(node, ast.FunctionDef):
            yield f"{node.name}: {ast.unparse(node.returns or node)}", _doc(getattr(thing, node.name))


def _members(shape: Any) -> str:
    names = (f"`{name}`" + ("" if name in shape.__required_keys__ else "?") for name in shape.__annotations__)
    return f"Members: {', '.join(names)}."
