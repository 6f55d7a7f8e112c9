"""How an analyst's tool connects: the five facts, and a snippet for each tool."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tappa.settingsfile import write_private

SNIPPET_QUERY = "SELECT stage, count() AS customers FROM v_customers GROUP BY stage ORDER BY customers DESC"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """What every tool asks for. The user may read the views and nothing else."""

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool = False

    @property
    def url(self) -> str:
        """Of the ClickHouse HTTP interface."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}"


def snippets(connection: Connection) -> dict[str, str]:
    """By tool, what to paste into it."""
    c = connection
    return {
        "curl": (
            f"curl -sS -u {c.user}:{c.password} '{c.url}/?database={c.database}' \\\n"
            f"  --data-binary '{SNIPPET_QUERY} FORMAT PrettyCompact'"
        ),
        "Python (clickhouse-connect)": (
            "import clickhouse_connect\n"
            f'client = clickhouse_connect.get_client(host="{c.host}", port={c.port}, username="{c.user}",\n'
            f'    password="{c.password}", database="{c.database}"{", secure=True" if c.secure else ""})\n'
            f'print(client.query("{SNIPPET_QUERY}").result_rows)'
        ),
        "Node (@clickhouse/client)": (
            "import { createClient } from '@clickhouse/client'\n"
            f"const client = createClient({{ url: '{c.url}', username: '{c.user}',\n"
            f"  password: '{c.password}', database: '{c.database}' }})\n"
            f"console.log(await (await client.query({{ query: '{SNIPPET_QUERY}', format: 'JSONEachRow' }})).json())"
        ),
        "DBeaver and anything with JDBC": (
            f"URL      jdbc:clickhouse://{c.host}:{c.port}/{c.database}{'?ssl=true' if c.secure else ''}\n"
            f"User     {c.user}\nPassword {c.password}"
        ),
        "Metabase": (
            f"Database type ClickHouse, host {c.host}, port {c.port}, database {c.database},\n"
            f"user {c.user}, password {c.password}{', with a secure connection' if c.secure else ''}"
        ),
    }


def write_netrc(path: Path, connection: Connection) -> None:
    """Write the password where ``curl --netrc-file`` finds it, so that it need not be in a command line; nobody else
    may read the file."""
    write_private(path, f"machine {connection.host} login {connection.user} password {connection.password}\n")
