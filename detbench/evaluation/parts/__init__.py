"""What a result holds beside the protocol's own numbers: a module a part, with its structure and what fills it."""
