"""What a part makes of its settings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stage_engine.model import SHIPPED
from stream.log.interface import LogUnavailableError
from tappa.parts import active_models, opened_log
from tappa.settings import ModelsSettings, Settings


def test_the_active_models_are_shipped_ones_by_name_and_others_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text((SHIPPED / "linear.yaml").read_text().replace("name: linear", "name: mine"))
    models = active_models(Settings(models=ModelsSettings(active=("seven_stage", str(mine)))))
    assert [model.name for model in models] == ["seven_stage", "mine"]


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text((SHIPPED / "seven_stage.yaml").read_text())
    settings = Settings(models=ModelsSettings(active=("seven_stage", str(copy))))
    with pytest.raises(
        ValueError, match=r"two of the active models are called 'seven_stage': give the one in .*copy.yaml another name"
    ):
        active_models(settings)


async def test_brokers_that_are_away_are_waited_for_and_told_about_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.model_validate({"log": {"kafka": {"servers": "127.0.0.1:1"}}})
    stop = asyncio.Event()
    opening = asyncio.create_task(opened_log(settings, tmp_path, stop, retry_s=0.001))
    async with asyncio.timeout(20):
        while "trying until it can" not in caplog.text:  # noqa: ASYNC110 - the log file has no event for it
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    stop.set()
    assert await opening is None
    # pytest may listen to the client's own log, which goes nowhere.
    assert len([record for record in caplog.records if record.name == "tappa"]) == 1


async def test_an_embedded_log_that_cannot_be_opened_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("not a directory")
    with pytest.raises(LogUnavailableError, match="check the directory's owner"):
        await opened_log(Settings(), tmp_path, asyncio.Event())
