"""An element of a transaction, without its namespace."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec


class Node(msgspec.Struct):
    """Its name, attributes, text, and the elements in it."""

    name: str
    attributes: dict[str, str]
    children: list[Node]
    text: str = ""

    def all(self, *names: str) -> list[Node]:
        """The elements right inside that have one of these names."""
        return [child for child in self.children if child.name in names]

    def first(self, *path: str) -> Node | None:
        """The element at the end of a path, the first of each name."""
        here: Node | None = self
        for name in path:
            here = next((child for child in here.children if child.name == name), None) if here else None
        return here

    def said(self, *path: str) -> str:
        """The text there; empty when there is nothing."""
        found = self.first(*path)
        return found.text if found is not None else ""

    def within(self, *names: str) -> Iterator[Node]:
        """Elements of these names at any depth, in the order of the document."""
        for child in self.children:
            if child.name in names:
                yield child
            yield from child.within(*names)

    def flag(self, name: str) -> bool:
        """Whether an attribute says yes."""
        return self.attributes.get(name, "").lower() in ("true", "1")
