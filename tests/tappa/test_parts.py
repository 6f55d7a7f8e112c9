"""What a part makes of its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage_engine.model import SHIPPED
from tappa.parts import active_models
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
