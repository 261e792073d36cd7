"""Weights of others: files read without running anything in them, and their names mapped to ours."""
