from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import Result

from tappa.cli import main
from tappa.exits import EXIT_REFUSED
from tappa.settings import read
from tappa.settingsfile import write_first
from tests.typed import typed

SECRETS = ("writer-password", "analyst-password", "the-first-key", "the-read-key")
ROOT = Path(__file__).parents[2]
COMMANDS = main.list_commands(click.Context(main))


def tappa(*arguments: str, data: Path, answers: str = "") -> Result:
    return typed(*arguments, answers=answers, TAPPA_DATA=str(data))


def started(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: what runs until it is stopped, and what says how it was started."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TAPPA_")}
    return subprocess.run(
        [sys.executable, "-m", "tappa", *arguments],
        capture_output=True,
        text=True,
        env=environment | {"TAPPA_DATA": str(data)},
        check=False,
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_first(tmp_path / "tappa.toml", iter(SECRETS).__next__)
    return tmp_path


def test_help_names_every_command_and_imports_none_of_them() -> None:
    script = "import sys; sys.argv = ['tappa', '--help']\ntry: import tappa.__main__\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    text, _, modules = done.stdout.rstrip().rpartition("\n")
    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []
    assert {"chdb", "fastapi", "pydantic", "clickhouse_connect", "tappa.cli.up"}.isdisjoint(modules.split())


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("demo", "import")])
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    done = typed(command, "--help")
    assert done.exit_code == 0
    group = "Commands:" in done.stdout and "Example" not in done.stdout
    shown = [typed(command, sub, "--help").stdout for sub in ("list", "replay")] if group else [done.stdout]
    assert [text for text in shown if "Example" not in text] == []


def test_a_wrong_option_is_wrong_usage() -> None:
    assert typed("status", "--jsno").exit_code == 2


def test_wrong_settings_are_wrong_usage_and_said_line_by_line(data: Path) -> None:
    with (data / "tappa.toml").open("a") as file:
        file.write("\n[mony]\ncurrency = 'EUR'\n")
    done = tappa("sources", data=data)
    assert done.exit_code == 2
    assert "unknown setting 'mony'; did you mean money?" in done.stderr


def test_more_workers_than_partitions_are_refused_politely(data: Path) -> None:
    done = started("up", "--workers", "9", data=data)
    assert done.returncode == 2
    assert "9 workers are too many: the log has 8 partitions" in done.stderr
    with (data / "tappa.toml").open("a") as file:
        file.write("\n[worker]\nprocesses = 3\n[log]\npartitions = 2\n")
    assert "3 workers are too many: the log has 2 partitions" in started("up", data=data).stderr
    assert "3 workers are too many: the log has 2 partitions" in started("worker", "--share", "3/3", data=data).stderr


def test_a_worker_too_many_is_told_so_even_where_another_one_has_its_port(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, (data / "tappa.toml").open("a") as file:
        file.write(f"\n[worker]\nport = {taken.getsockname()[1]}\n[log]\npartitions = 2\n")
        file.flush()
        too_many = started("worker", "--share", "3/3", data=data)
        assert "3 workers are too many: the log has 2 partitions" in too_many.stderr
        assert "taken" in started("worker", "--share", "2/2", data=data).stderr


def test_a_time_too_short_for_the_stores_driver_is_wrong_settings(data: Path) -> None:
    settings = data / "tappa.toml"
    settings.write_text(settings.read_text().replace("[store]", "[store]\nconnect_timeout_s = 0.5"))
    done = tappa("sources", data=data)
    assert done.exit_code == 2
    assert "connect_timeout_s" in done.stderr


def test_a_worker_with_a_name_is_for_kafka_only(data: Path) -> None:
    done = started("worker", "--id", "one", data=data)
    assert done.returncode == EXIT_REFUSED
    assert "--id is for workers that share a topic of Kafka's" in done.stderr
    assert started("worker", "--id", "o/ne", data=data).returncode == 2


@pytest.mark.parametrize("share", ["0/2", "3/2", "2", "1/0", "-1/2", "a/b"])
def test_a_share_that_there_cannot_be_is_wrong_usage(data: Path, share: str) -> None:
    done = started("worker", "--share", share, data=data)
    assert done.returncode == 2
    assert "is not K/N with K from 1 to N, such as 2/3" in done.stderr
    assert list(data.glob("lock*")) == []


def test_status_of_what_does_not_run_says_how_to_start_it(data: Path) -> None:
    done = started("status", data=data)
    assert done.returncode == 1
    assert f"-m tappa up --data {data}" in done.stdout


def test_status_for_machines_is_json_when_nothing_runs_too(data: Path) -> None:
    done = tappa("status", "--json", data=data)
    found = json.loads(done.stdout)
    assert (found["parts"], found["lag"], found["touchpoints"]) == ({}, 0, None)


def test_connect_has_what_every_tool_asks_for(data: Path) -> None:
    found = json.loads(tappa("connect", "--json", data=data).stdout)
    assert {name: found[name] for name in ("host", "port", "user", "password", "database")} == {
        "host": "127.0.0.1",
        "port": 8123,
        "user": "analyst",
        "password": "analyst-password",
        "database": "tappa",
    }
    assert all("analyst-password" in snippet for snippet in found["snippets"].values())
    assert "writer-password" not in json.dumps(found)


def test_connect_before_the_first_start_says_what_to_do(tmp_path: Path) -> None:
    done = started("connect", data=tmp_path)
    assert done.returncode == 1
    assert "tappa up" in done.stderr


def test_a_source_gets_a_webhook_whose_secrets_are_shown_by_nothing(data: Path) -> None:
    write_first(data / "tappa.toml", iter(SECRETS).__next__)
    for secret in ("secret-one", "secret-two", "secret-three"):
        done = tappa("sources", "hook", "default", "shopify", data=data, answers=f"{secret}\n")
        assert (done.exit_code, "/v1/hooks/shopify/default" in done.stdout) == (0, True)
        assert secret not in done.output
    listed = tappa("sources", "--json", data=data).stdout
    assert json.loads(listed)[0]["hook"]["kind"] == "shopify"
    assert "secret" not in listed.replace('"secrets"', "")
    assert 'secrets = ["secret-three", "secret-two"]' in (data / "tappa.toml").read_text()
    assert "webhooks of shopify" in tappa("sources", data=data).stdout
    assert tappa("sources", "hook", "default", "--remove", data=data).exit_code == 0
    assert json.loads(tappa("sources", "--json", data=data).stdout)[0]["hook"] is None
    assert tappa("sources", "hook", "default", "--remove", data=data).exit_code != 0
    lacks_url = tappa("sources", "hook", "default", "square", data=data, answers="square-secret\n")
    assert (lacks_url.exit_code, "needs url" in lacks_url.output) == (2, True)


def test_a_mapped_webhook_keeps_its_mapping_with_the_source_and_a_wrong_one_is_told_with_its_line(
    data: Path, tmp_path: Path
) -> None:
    write_first(data / "tappa.toml", iter(SECRETS).__next__)
    sample = ROOT / "samples" / "email" / "hook.yaml"
    words = ("sources", "hook", "default", "mapped", "--mapping")
    for secret in ("secret-one", "secret-two"):
        done = tappa(*words, str(sample), data=data, answers=f"{secret}\n")
        assert (done.exit_code, "/v1/hooks/mapped/default" in done.stdout) == (0, True)
    [source] = read(data, {}).sources
    assert source.hook is not None
    assert source.hook.mapping == sample.read_text("utf-8")
    assert [one.get_secret_value() for one in source.hook.secrets] == ["secret-two", "secret-one"]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nmessage:\n  event: {column: a}\n")
    told = tappa(*words, str(wrong), data=data, answers="secret-three\n")
    assert (told.exit_code, "wrong.yaml:3: message.event.column" in told.output) == (2, True)
    assert tappa("sources", "hook", "default", "mapped", data=data, answers="secret-three\n").exit_code == 2


def test_sources_are_added_rotated_and_removed(data: Path) -> None:
    added = json.loads(tappa("sources", "add", "tills", "--channel", "store", "--json", data=data).stdout)
    rotated = json.loads(tappa("sources", "rotate", "tills", "--json", data=data).stdout)
    assert rotated["write_keys"] == [rotated["write_key"], added["write_key"]]
    tappa("sources", "remove", "tills", "--key", added["write_key"], data=data)
    listed = json.loads(tappa("sources", "--json", data=data).stdout)
    assert [(source["name"], source["write_key"]) for source in listed] == [
        ("default", "the-first-key"),
        ("tills", rotated["write_key"]),
    ]
    assert tappa("sources", "remove", "tills", data=data).exit_code == 0
    assert "tills" not in tappa("sources", data=data).stdout


def test_a_browser_source_joins_devices_only_unless_told_otherwise(data: Path) -> None:
    added = json.loads(tappa("sources", "add", "site", "--browser", "--json", data=data).stdout)
    assert (added["browser"], added["joins"]) == (True, "device")


def test_a_source_that_is_not_there_cannot_be_removed(data: Path) -> None:
    done = tappa("sources", "remove", "nobody", data=data)
    assert done.exit_code == 1
    assert "there is no source 'nobody'; there are: default" in done.stderr


def test_a_source_cannot_have_an_impossible_name(data: Path) -> None:
    assert tappa("sources", "add", "two words", data=data).exit_code == 2


def test_read_keys_are_listed_made_and_removed(data: Path) -> None:
    assert tappa("readers", data=data).stdout == "the-read-key\n"
    made = json.loads(tappa("readers", "add", "--json", data=data).stdout)["read_keys"]
    assert made[1:] == ["the-read-key"]
    assert tappa("readers", "remove", "the-read-key", data=data).stdout == f"{made[0]}\n"
    done = tappa("readers", "remove", "the-read-key", data=data)
    assert done.exit_code == 1
    assert "there is no such read key" in done.stderr


def test_without_a_read_key_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    (tmp_path / "tappa.toml").write_text("[ingest]\nport = 0\n")
    assert "no read keys yet; make one: " in tappa("readers", data=tmp_path).stdout
    assert tappa("readers", "add", data=tmp_path).exit_code == 0
    assert "[explore]" in (tmp_path / "tappa.toml").read_text()


def test_a_question_while_nothing_runs_says_so(data: Path) -> None:
    done = tappa("why", "user:ada", "user:bob", data=data)
    assert done.exit_code == 1
    assert "Does it run? See: " in done.stderr


def test_a_decision_without_a_reason_is_wrong_usage(data: Path) -> None:
    for command in (("split", "user:a", "user:b"), ("shared", "block", "device:d")):
        done = tappa(*command, data=data)
        assert done.exit_code == 2
        assert "say why: --reason TEXT" in done.stderr
    assert "name two identifiers" in tappa("split", "user:a", "--reason", "x", data=data).stderr
