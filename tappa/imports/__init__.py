"""Files of touchpoints, sent to ingest as any other sender would send them."""

from tappa.imports.command import import_

__all__ = ["import_"]
