"""Numbers with their nouns, and names from data files made fit to be printed: the same way in every sentence."""

from __future__ import annotations

import re

__all__ = ["NAMELESS", "brief", "counted", "in_words", "named", "printable", "raised", "unbroken", "unturned"]

#: What stands where a name has nothing that can be seen.
NAMELESS = "without a name"

#: No letters, but scripts and emoji are wrong without them: the blanks of other widths, the joiners.
_INVISIBLE = frozenset("\u00a0\u202f\u3000\u200c\u200d")


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Examples
    --------
    >>> counted(1, "box", "boxes"), counted(1200, "image")
    ('1 box', '1,200 images')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def printable(text: str) -> str:
    """Return ``text`` with control characters and broken ones replaced: names from data files reach terminals."""
    return "".join(c if c.isprintable() or c in _INVISIBLE else "\N{REPLACEMENT CHARACTER}" for c in text)


def unbroken(text: str) -> str:
    r"""Return ``text`` with halves of surrogate pairs replaced: a file's name that is not UTF-8 has them.

    Examples
    --------
    >>> unbroken("caf\udce9.jpg") == "caf\N{REPLACEMENT CHARACTER}.jpg"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unturned(text: str) -> str:
    r"""Return ``text`` with the marks replaced that turn the writing round: where nothing ends them, all that follows.

    HTML has ``<bdi>`` for it, and :func:`printable` replaces them too. Letters turn the writing by themselves.

    Examples
    --------
    >>> unturned("\u202egnp.exe, \u05d0") == "\N{REPLACEMENT CHARACTER}gnp.exe, \u05d0"
    True
    """
    return re.sub("[\u202a-\u202e\u2066-\u2069]", "\N{REPLACEMENT CHARACTER}", text)


def brief(name: str, limit: int) -> str:
    """Return as much of a name as ``limit`` characters hold, on one line, with an ellipsis if it is not all.

    Examples
    --------
    >>> brief("traffic light", 9)
    'traffic …'
    """
    line = re.sub(r"\s", " ", name[:limit])
    return line if len(name) <= limit else line[:-1] + "…"


def named(name: str, limit: int) -> str:
    r"""Return a name as :func:`brief` does, or words in its place where nothing of it can be seen.

    Examples
    --------
    >>> named("van", 9), named(" \t", 9)
    ('van', 'without a name')
    """
    return brief(name, limit) if any(c.isprintable() and not c.isspace() for c in name) else NAMELESS


def raised(error: BaseException, limit: int = 300) -> str:
    """Return what was raised, on one line: its type and what it says. Anybody's error may not even say anything.

    Examples
    --------
    >>> raised(ValueError("too  many")), raised(KeyError())
    ('ValueError: too many', 'KeyError')
    """
    try:
        said = " ".join(str(error).split())[:limit]
    except Exception:  # noqa: BLE001  its __str__ is anybody's code
        said = "what it says cannot be read"
    return unbroken(type(error).__name__[:limit] + (f": {said}" if said else ""))


def in_words(message: str) -> str:
    """Return what msgspec says about a value that has another type than it should, without its notation.

    Examples
    --------
    >>> in_words("Expected `float | null`, got `str`"), in_words("Object missing required field `score`")
    ('should be a number or null, not a string', 'has no score')
    """
    if length := re.match(r"Expected `array` of length (\d+)", message):
        return f"should be a list of {length[1]}"
    if message.startswith("Number out of range"):
        return "is too large a number"
    if missing := re.match(r"Object missing required field `(.*)`", message):
        return f"has no {missing[1]}"
    text = re.sub("`([^`]*)`", lambda kinds: " or ".join(_KINDS.get(k, k) for k in kinds[1].split(" | ")), message)
    if different := re.match("Expected (.*), got (.*)", text):
        return f"should be {different[1]}, not {different[2]}"
    return text[:1].lower() + text[1:]


#: What msgspec calls a type → what a person calls it.
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
}
