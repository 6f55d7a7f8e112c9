"""A model as a picture: a Mermaid state diagram, as GitHub and editors draw it."""

from __future__ import annotations

from stage_engine.model_file import ModelFile


def picture(file: ModelFile) -> str:
    """The stages with all ways into the first and between them; moves that share both ends share an arrow."""
    arrows: dict[tuple[str, str], dict[str, None]] = {}
    for entry in file.entry:
        arrows.setdefault(("[*]", entry.to), {})[_words(entry.on or "anything else", "", entry.when)] = None
    for move in file.moves:
        cause = move.on or f"silence of {move.after}"
        for source, to in file.steps(move):
            arrows.setdefault((source, to), {})[_words(cause, move.label or "", move.when)] = None
    lines = [f"    {source} --> {to}: {'<br/>'.join(words)}" for (source, to), words in arrows.items()]
    return "\n".join(["stateDiagram-v2", "    direction LR", *lines])


def _words(cause: str, label: str, when: str | None) -> str:
    named = f"{cause} ({label})" if label and label != cause else cause
    return f"{named}, if" if when else named
