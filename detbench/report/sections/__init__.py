"""The sections of a page about one model or several: each a view of plain values and a template of its own."""
