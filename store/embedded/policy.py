"""Who may do what: decided from what the engine's own parser makes of a statement, never from its text.

``EXPLAIN AST`` prints one node a line. Names within the tree may hold line breaks and so add lines of their own; they
cannot remove one. So every line is judged by itself, and where a line stands is never a reason to allow something.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from store.embedded.catalogue import DICTIONARY_SOURCES, SYSTEM_TABLES, Catalogue, words
from store.embedded.refusal import ACCESS_DENIED, READONLY, RefusedError
from store.embedded.statement import first_words, format_at_end


class Role(Enum):
    """The two users of the store."""

    WRITER = "writer"
    ANALYST = "analyst"


class Kind(Enum):
    """What a statement is to the rest of the store."""

    SELECT = "select"
    """Rows that can be streamed."""
    SHOW = "show"
    """Rows about the store itself."""
    INSERT = "insert"
    CHANGE = "change"
    """Of tables, databases, functions, or of what runs."""
    SESSION = "session"
    """Of the session only: SET and USE."""


class Effect(Enum):
    """The engine's own classes of statements."""

    READ_ONLY = 0
    MUTATING = 1
    MUTATING_GLOBAL = 2
    CONTROL = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A single statement, as the engine reads it."""

    sql: str
    effect: Effect
    tree: str
    database: str
    """Where names without a database are looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The statement may run."""

    kind: Kind
    form: str | None
    """The format that it asks for itself."""


_READS: Final = {
    "SelectWithUnionQuery": Kind.SELECT,
    "SelectIntersectExceptQuery": Kind.SELECT,
    "SelectQuery": Kind.SELECT,
    "Explain": Kind.SHOW,
    "DescribeQuery": Kind.SHOW,
    "ExistsTableQuery": Kind.SHOW,
    "ExistsViewQuery": Kind.SHOW,
    "ExistsDictionaryQuery": Kind.SHOW,
    "ExistsDatabaseQuery": Kind.SHOW,
    "ShowCreateTableQuery": Kind.SHOW,
    "ShowCreateViewQuery": Kind.SHOW,
    "ShowCreateDatabaseQuery": Kind.SHOW,
    "ShowTables": Kind.SHOW,
    "ShowColumns": Kind.SHOW,
    "ShowIndexes": Kind.SHOW,
    "ShowFunctions": Kind.SHOW,
    "ShowEngineQuery": Kind.SHOW,
    "ShowSetting": Kind.SHOW,
}
_WRITES: Final = _READS | {
    "ShowCreateDictionaryQuery": Kind.SHOW,
    "ShowProcesslistQuery": Kind.SHOW,
    "CheckQuery": Kind.SHOW,
    "InsertQuery": Kind.INSERT,
    "CreateQuery": Kind.CHANGE,
    "AlterQuery": Kind.CHANGE,
    "DropQuery": Kind.CHANGE,
    "DetachQuery": Kind.CHANGE,
    "UndropQuery": Kind.CHANGE,
    "Rename": Kind.CHANGE,
    "TruncateQuery": Kind.CHANGE,
    "OptimizeQuery": Kind.CHANGE,
    "DeleteQuery": Kind.CHANGE,
    "UpdateQuery": Kind.CHANGE,
    "CreateIndexQuery": Kind.CHANGE,
    "DropIndexQuery": Kind.CHANGE,
    "CreateSQLFunctionQuery": Kind.CHANGE,
    "DropFunctionQuery": Kind.CHANGE,
    "KillQueryQuery": Kind.CHANGE,
    "SYSTEM": Kind.CHANGE,
    "Set": Kind.SESSION,
    "UseQuery": Kind.SESSION,
}

_ANALYST_NODES: Final = frozenset(_READS) | words(
    """
    ExpressionList Asterisk QualifiedAsterisk ColumnsRegexpMatcher ColumnsListMatcher QualifiedColumnsRegexpMatcher
    QualifiedColumnsListMatcher ColumnsTransformerList ColumnsExceptTransformer ColumnsReplaceTransformer
    ColumnsReplaceTransformer::Replacement TablesInSelectQuery TablesInSelectQueryElement TableExpression
    TableIdentifier TableJoin ArrayJoin Function Identifier Literal Subquery WithElement WindowDefinition
    WindowListElement OrderByElement InterpolateElement SampleRatio Set
    """
)
"""Nodes whose names and children are printed in full. Not among them: APPLY, whose function is not printed."""

_SYSTEM_COMMANDS: Final = words("FLUSH START STOP SYNC REFRESH WAIT CANCEL DROP CLEAR")

_INFORMATION_SCHEMA: Final = ("information_schema", "INFORMATION_SCHEMA")
_LINE: Final = re.compile(r" *(\S+)(?: (.*))?")
_FORMAT_LINE: Final = re.compile(r"^ Identifier (\w+)$", re.MULTILINE)
_CHILDREN: Final = re.compile(r" \((?:alias |children \d)")


def judge(
    parsed: Parsed, role: Role, user: str, home: str, catalogue: Catalogue, databases: Collection[str]
) -> Verdict:
    """May this statement run? ``home`` is the database that analysts may read, of all the ``databases``.

    Raises ``RefusedError`` with the reason.
    """
    lines = parsed.tree.splitlines()
    root, root_text = _node(lines[0]) if lines else ("", "")
    kind = (_WRITES if role is Role.WRITER else _READS).get(root)
    if kind is None:
        raise _unknown(parsed, role, user)
    _judge_effect(kind, parsed, role, user)
    for line in lines:
        node, rest = _node(line)
        if role is Role.ANALYST and node not in _ANALYST_NODES:
            raise _denied(user, f"{node} in a query")
        if role is Role.ANALYST and node == "Set" and not (root == "Explain" and line == " Set"):
            # within a subquery the engine's own readonly mode lets them pass
            raise RefusedError(READONLY, f"{user}: Cannot modify settings within a query; send them with the request")
        match node:
            case "Function" | "FunctionWithKeyValueArguments":
                _judge_function(node, _name(rest), role, user, home, catalogue)
            case "TableIdentifier":
                _judge_table(_name(rest), parsed.database, role, user, home)
            case "Identifier":
                _judge_identifier(_name(rest), role, user, home, catalogue, databases)
    if root.startswith(("ShowCreate", "Exists")) and role is Role.ANALYST:
        _judge_shown(root_text, parsed.database, user, home)
    if root == "Explain" and role is Role.ANALYST and _node(lines[1])[0] not in ("SelectWithUnionQuery", "Set"):
        raise _denied(user, "EXPLAIN of anything but SELECT")
    return Verdict(kind=kind, form=_format(kind, parsed))


def _judge_effect(kind: Kind, parsed: Parsed, role: Role, user: str) -> None:
    """The engine says what a statement does; that must be what its kind may do."""
    if kind in (Kind.SELECT, Kind.SHOW) and parsed.effect is not Effect.READ_ONLY:
        raise _denied(user, "INTO OUTFILE: the store writes no files")
    if kind is Kind.INSERT and (
        parsed.effect is not Effect.MUTATING or any(line.startswith(" Literal") for line in parsed.tree.splitlines())
    ):
        raise _denied(user, "INSERT from or into anything but tables of this store")
    if kind is Kind.CHANGE and role is Role.WRITER and parsed.tree.startswith("SYSTEM"):
        words = first_words(parsed.sql, 2)
        if words[1:] and words[1] not in _SYSTEM_COMMANDS:
            raise _denied(user, f"SYSTEM {words[1]}")


def _unknown(parsed: Parsed, role: Role, user: str) -> RefusedError:
    what = " ".join(first_words(parsed.sql, 2)) or "this statement"
    if role is Role.ANALYST:
        return RefusedError(
            READONLY, f"{user}: Cannot execute query in readonly mode. This user may only read: {what}."
        )
    return _denied(user, what)


def _judge_function(node: str, name: str, role: Role, user: str, home: str, catalogue: Catalogue) -> None:
    if node == "FunctionWithKeyValueArguments":
        if name.lower() not in DICTIONARY_SOURCES:
            raise _denied(user, f"a dictionary from {name}")
        return
    lower = name.lower()
    if lower in catalogue.functions_refused or lower in catalogue.table_functions_refused or lower.startswith("__"):
        raise _denied(user, f"{name}()")
    database, dot, _ = name.rpartition(".")
    if dot and role is Role.ANALYST and database != home:
        raise _denied(user, f"{name}()")
    if role is Role.WRITER and name in catalogue.engines_refused:
        raise _denied(user, f"the engine {name}: the store keeps its data itself")


def _judge_table(name: str, current: str, role: Role, user: str, home: str) -> None:
    if role is Role.WRITER:
        _judge_path(name, user)
        return
    database, dot, table = name.partition(".")
    if not dot:
        database, table = current, name
    if not _readable(database, table, home):
        raise _denied(user, f"SELECT on {database}.{table}")


def _readable(database: str, table: str, home: str) -> bool:
    return database in (home, *_INFORMATION_SCHEMA) or (database == "system" and table in SYSTEM_TABLES)


def _judge_identifier(
    name: str, role: Role, user: str, home: str, catalogue: Catalogue, databases: Collection[str]
) -> None:
    """A column; but also the table right of IN, and the function that arrayMap takes by its name."""
    if name.lower() in catalogue.functions_refused:
        raise _denied(user, f"{name}()")
    if role is Role.WRITER:
        _judge_path(name, user)
        return
    first, *others = name.split(".")
    if others and first in databases and not _readable(first, others[0], home):
        raise _denied(user, f"SELECT on {name}")


def _judge_path(name: str, user: str) -> None:
    """A name in the engine's own default database may be a file's path; in the working directory there are no files."""
    if "/" in name:
        raise _denied(user, f"the table {name}: the store reads no files")


def _judge_shown(text: str, current: str, user: str, home: str) -> None:
    """``EXISTS`` and ``SHOW CREATE`` print the database and the table behind the name of the node."""
    words = _CHILDREN.split(text)[0].split(" ")
    database = words[0] or current
    if database != home and database != "system" and database not in _INFORMATION_SCHEMA:
        raise _denied(user, f"SHOW on {database}")


def _format(kind: Kind, parsed: Parsed) -> str | None:
    if kind is not Kind.SELECT:
        return format_at_end(parsed.sql)
    found = _FORMAT_LINE.findall(parsed.tree)
    return found[-1] if found else None


def _node(line: str) -> tuple[str, str]:
    found = _LINE.fullmatch(line)
    return (found[1], found[2] or "") if found else ("", "")


def _name(text: str) -> str:
    return _CHILDREN.split(text.lstrip(" "))[0]


def _denied(user: str, what: str) -> RefusedError:
    return RefusedError(ACCESS_DENIED, f"{user}: Not enough privileges. Not allowed here: {what}.")
