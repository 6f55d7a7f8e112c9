"""A model that changes while touchpoints arrive and processes are killed, in small: ``soak`` has it at 2,000
touchpoints a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.changing import change

ALL_OTHERS = ("five_stage", "four_stage", "linear", "circular", "five_e")


@pytest.mark.slow
@pytest.mark.parametrize(("beside", "kills"), [(("linear",), ("store", "worker")), (ALL_OTHERS, ("worker",))])
async def test_views_are_those_of_the_old_model_until_all_are_those_of_the_new_one(
    tmp_path: Path, beside: tuple[str, ...], kills: tuple[str, ...]
) -> None:
    await change(tmp_path, beside=beside, touchpoints=900, per_s=400, kills=kills)
