"""``python -m store.embedded.parquet FILE``: the rows of a Parquet file on standard output, as JSON arrays, one a line.

The first line is ``{"names": […], "rows": N}``. A process of its own, because there can be one engine in a process and
because its memory goes with it. The file's own order is kept. Times are texts in ISO form: an instant ends in
``+00:00``, a wall clock's time has no zone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

_READING: Final = (
    "max_threads = 1, max_parsing_threads = 1, input_format_parquet_preserve_order = 1, max_block_size = 8192, "
    "session_timezone = 'UTC', date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0, "
    "output_format_json_quote_decimals = 1, output_format_json_named_tuples_as_objects = 1"
)

_METADATA: Final = "SELECT num_rows, [columns.path], [columns.logical_type] FROM file('{file}', ParquetMetadata)"


def main() -> None:
    """Writes the rows. Exit code 1, with the reason on standard error, when the file cannot be read."""
    file = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TZ"] = "UTC"
        link = Path(home) / "rows.parquet"  # the engine takes stars and braces of a name for a pattern
        link.symlink_to(file)
        os.chdir(home)
        try:
            _write(link)
        except BrokenPipeError:
            os._exit(0)  # nobody reads on, and the engine would wait
        except Exception as error:  # whatever the engine says of a file
            print(str(error).splitlines()[0], file=sys.stderr)
            sys.stderr.flush()
            os._exit(1)
        sys.stdout.flush()


def _write(file: Path) -> None:
    from chdb import session

    opened: Any = session.Session
    engine = opened()
    described = _answer(engine, f"DESCRIBE file('{file}', Parquet)")
    rows, (paths,), (types,) = _answer(engine, _METADATA.format(file=file))[0]
    clocks = {path for path, of in zip(paths, types, strict=True) if "isAdjustedToUTC=false" in of}
    names, kinds = [str(column[0]) for column in described], [str(column[1]) for column in described]
    print(json.dumps({"names": names, "rows": int(rows)}), flush=True)
    chosen = ", ".join(_chosen(name, kind, name in clocks) for name, kind in zip(names, kinds, strict=True))
    query = f"SELECT {chosen} FROM file('{file}', Parquet) SETTINGS {_READING}"  # noqa: S608 - names are quoted
    for piece in engine.send_query(query, "JSONCompactEachRow"):
        sys.stdout.buffer.write(bytes(piece.bytes()))


def _chosen(name: str, kind: str, clock: bool) -> str:
    column = "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
    if clock and "DateTime64" in kind:
        return f"replaceOne(trimRight(toString({column})), ' ', 'T')"
    if "DateTime" in kind and not kind.startswith(("Array", "Tuple", "Map")):
        return f"concat(replaceOne(toString({column}, 'UTC'), ' ', 'T'), '+00:00')"
    return column


def _answer(engine: Any, query: str) -> list[list[Any]]:
    text = str(engine.query(query, "JSONCompactEachRow"))
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    main()
