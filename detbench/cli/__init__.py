"""The door: one thin file a command; each parses, calls and prints.

Modules here import only Typer and the standard library at the top, and what a command needs inside the
command, so that ``detbench --help`` stays fast.
"""
