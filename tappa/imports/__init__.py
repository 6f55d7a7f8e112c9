"""Files of touchpoints, sent to ingest as any other sender would send them."""

from tappa.imports.command import import_
from tappa.imports.mapcommand import map_

__all__ = ["import_", "map_"]
