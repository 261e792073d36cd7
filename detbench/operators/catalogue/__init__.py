"""One module a family of operators: each ``OPERATORS``, with cases, comparison, mistakes and counted work."""
