"""Recipes: what a baseline is made of, as data."""
