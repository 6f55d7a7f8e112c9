from __future__ import annotations

import json
from pathlib import Path

import pytest

from stage_engine.identity.limits import Limits
from tappa.limits import limits_of
from tappa.load import SettingsError, line_of
from tappa.settings import Settings, read

KEY = "k" * 32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


def written(data: Path, text: str) -> Path:
    (data / "tappa.toml").write_text(text)
    return data


def refusal(data: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        read(data, environment or {})
    return str(caught.value)


def test_without_a_file_everything_has_its_default(data: Path) -> None:
    assert read(data, {}) == Settings()


def test_the_file_sets_and_the_environment_wins(data: Path) -> None:
    written(data, "[ingest]\nport = 8001\nbatch_items_max = 7\n")
    ingest = read(data, {"TAPPA_INGEST__PORT": "9000", "PATH": "/bin"}).ingest
    assert (ingest.port, ingest.batch_items_max) == (9000, 7)


def test_the_environment_reaches_nested_settings_and_takes_lists_as_json(data: Path) -> None:
    environment = {
        "TAPPA_STORE__EMBEDDED__FSYNC": "false",
        "TAPPA_IDENTITY__CONTACT_KINDS": '["email"]',
        "TAPPA_SOURCES": json.dumps([{"name": "web", "write_keys": [KEY]}]),
    }
    settings = read(data, environment)
    assert settings.store.embedded.fsync is False
    assert settings.identity.contact_kinds == ("email",)
    assert settings.sources[0].write_keys == (KEY,)


def test_where_the_data_is_is_no_setting(data: Path) -> None:
    assert read(data, {"TAPPA_DATA": "/somewhere"}) == Settings()


def test_an_unknown_key_of_the_file_is_refused_with_its_line_and_the_nearest_known_one(data: Path) -> None:
    written(data, "# a comment\n\n[ingest]\nhost = '::1'\nprot = 8001\n")
    assert refusal(data) == f"{data}/tappa.toml, line 5: unknown setting 'ingest.prot'; did you mean ingest.port?"


def test_a_key_in_the_wrong_table_is_led_to_the_right_one(data: Path) -> None:
    written(data, "batch_items_max = 3\n")
    assert "line 1: unknown setting 'batch_items_max'; did you mean ingest.batch_items_max?" in refusal(data)


def test_an_unknown_table_is_refused_with_the_nearest_known_one(data: Path) -> None:
    written(data, "[ingset]\nport = 1\n")
    assert "line 1: unknown setting 'ingset'; did you mean ingest?" in refusal(data)


def test_a_key_like_no_other_is_refused_with_the_known_ones(data: Path) -> None:
    written(data, "[money]\nqqqq = 1\n")
    assert "unknown setting 'money.qqqq'; known here: currency" in refusal(data)


def test_an_unknown_variable_is_refused_with_the_nearest_known_one(data: Path) -> None:
    said = refusal(data, {"TAPPA_INGEST__PROT": "1"})
    assert said == "environment, TAPPA_INGEST__PROT: unknown setting 'ingest.prot'; did you mean TAPPA_INGEST__PORT?"


def test_a_source_with_a_mistake_is_found_among_the_others(data: Path) -> None:
    written(data, f"[[sources]]\nname = 'a'\nwrite_keys = ['{KEY}']\n\n[[sources]]\nname = 'b'\njoin = 'all'\n")
    assert "line 7: unknown setting 'sources.1.join'; did you mean sources.joins?" in refusal(data)


def test_every_mistake_has_a_line(data: Path) -> None:
    written(data, "[ingest]\nport = 'x'\n[worker]\nport = 70000\n[money]\ncurrency = 'euro'\n")
    lines = refusal(data).splitlines()
    assert [line.split(": ")[0].rpartition(", ")[2] for line in lines] == ["line 2", "line 4", "line 6"]


def test_what_is_no_toml_is_refused_with_its_line(data: Path) -> None:
    written(data, "[ingest]\nport = = 1\n")
    assert "line 2" in refusal(data)


def test_a_mistake_in_a_secret_does_not_show_it(data: Path) -> None:
    written(
        data, "[store]\npassword = ['hunter2hunter2']\n[[sources]]\nname = 'a'\nwrite_keys = ['hunter2 with spaces']\n"
    )
    assert "hunter2" not in refusal(data)


def test_secrets_are_not_shown_when_settings_are_printed(data: Path) -> None:
    written(data, f"[store]\npassword = 'hunter2hunter2'\n[[sources]]\nname = 'a'\nwrite_keys = ['{KEY}']\n")
    shown = repr(read(data, {}))
    assert "hunter2" not in shown
    assert KEY not in shown


def test_two_sources_may_not_share_a_key(data: Path) -> None:
    written(data, "".join(f"[[sources]]\nname = '{name}'\nwrite_keys = ['{KEY}']\n" for name in "ab"))
    assert "sources 'a' and 'b' have the same write key" in refusal(data)


def test_the_default_model_has_to_be_an_active_one(data: Path) -> None:
    written(data, "[models]\nactive = ['five_stage']\n")
    assert "models: value error, default is 'seven_stage', which is not one of active" in refusal(data)


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("a", "b"), 3),
        (("a",), 2),
        (("list", 1, "x"), 8),
        (("a", "c", "d"), 4),
        (("a", "gone"), 2),
        (("nowhere",), None),
    ],
)
def test_the_line_of_a_setting_is_found(place: tuple[str | int, ...], line: int | None) -> None:
    text = '# head\n[a]\nb = 1\n"c".d = 2\n[[list]]\nx = 1\n[[list]]\nx = 2\n'
    assert line_of(text, place) == line


def test_a_read_key_that_is_a_write_key_is_refused(data: Path) -> None:
    written(data, f"[explore]\nread_keys = ['{KEY}']\n[[sources]]\nname = 'web'\nwrite_keys = ['{KEY}']\n")
    said = refusal(data)
    assert "a read key is also a write key of source 'web'" in said
    assert KEY not in said


def test_the_limits_of_identity_are_those_of_the_settings(data: Path) -> None:
    written(data, "[identity]\nvalues_max = 7\nvalues_max_of_kind = { device = 3 }\ngroup_max = 50\n")
    limits = limits_of(read(data, {}).identity)
    assert limits == Limits(values_max=7, values_max_of_kind={"user": 20, "device": 3}, group_max=50)
    assert (
        limits_of(read(data, {"TAPPA_IDENTITY__VALUES_MAX_OF_KIND__USER": "9"}).identity).values_max_for("user:a") == 9
    )
    assert limits_of(Settings().identity) == Limits()


def test_a_limit_of_a_kind_that_there_is_not_is_refused(data: Path) -> None:
    written(data, "[identity]\nvalues_max_of_kind = { usr = 3 }\n")
    assert "there is no kind usr; known are device, email, loyalty_card, phone, receipt, user" in refusal(data)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sasl = 'SCRAM-SHA-512'\nuser = 'tappa'", "sasl is SCRAM-SHA-512, which wants user and password, too"),
        ("sasl = 'PLAIN'\nuser = 'tappa'\npassword = 'said-to-nobody'", "set tls = true, or use SCRAM-SHA-512"),
        ("ca_file = '/etc/ca.pem'", "certificates are for encrypted connections: set tls = true"),
    ],
)
def test_what_does_not_fit_together_for_kafka_is_refused_without_saying_the_password(
    data: Path, text: str, words: str
) -> None:
    said = refusal(written(data, f"[log.kafka]\nservers = 'kafka:9092'\n{text}\n"))
    assert words in said
    assert "said-to-nobody" not in said
