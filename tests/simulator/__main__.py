"""``python -m tests.simulator --seeds 20000``: live through many histories; print what goes wrong, made small."""

from __future__ import annotations

import sys
import time

import click

from tests.simulator.seeds import failures, in_words, replay, smallest, wrong


@click.command()
@click.option("--seeds", type=click.IntRange(1), default=2_000, show_default=True, help="How many histories.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes; 0: as many as there are cores.")
@click.option("--replay", "again", type=int, help="Live through this seed alone, and make it small.")
def main(seeds: int, first: int, jobs: int, again: int | None) -> None:
    """Live through histories of random touchpoints on simulated workers, and compare with brute force."""
    began, bad = time.monotonic(), 0
    found = [(again, wrong(again))] if again is not None else failures(range(first, first + seeds), jobs)
    for done, (seed, errors) in enumerate(found, 1):
        if errors:
            bad += 1
            show(seed, errors)
        if done % 500 == 0:
            click.echo(f"{done} histories, {bad} wrong, {time.monotonic() - began:.0f} s", err=True)
    click.echo(f"{seeds if again is None else 1} histories, {bad} wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if bad else 0)


def show(seed: int, errors: list[str]) -> None:
    history, interleaving = smallest(seed)
    click.echo(f"seed {seed}:\n  " + "\n  ".join(errors))
    click.echo(f"smallest, with interleaving {interleaving}, {history.limits}:\n{in_words(history)}")
    click.echo(f"{replay(history, interleaving)}\n")


if __name__ == "__main__":
    main()
