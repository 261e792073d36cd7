"""Standings and results in the forms that other programs and documents take."""
