"""Sample data: a shop that never was."""

from tappa.demo.command import demo

__all__ = ["demo"]
