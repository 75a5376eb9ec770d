"""What a memory can be filled from: files in the formats that they come in."""

from am_agent.formats.reading import Export, Items, opened

__all__ = ["Export", "Items", "opened"]
