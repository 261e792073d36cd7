"""Built-in datasets that are drawn on demand: no download, known to the pixel."""

SYNTHETIC_NAMES = ("parking",)
