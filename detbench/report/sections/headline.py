"""Who is ahead, by how much, how sure that is, and who is tied: one sentence, of texts and of names apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detbench.report.compare_tables import p_in_words
from detbench.words import brief, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from detbench.evaluation.standings.document import Entry, Standings

__all__ = ["Piece", "headline", "plain"]

_LONGEST_NAME = 60

#: A space at which no line ends: a number and its interval stay together.
_HELD = "\N{NO-BREAK SPACE}"

#: So many of those tied are named; the others are counted.
_MOST_NAMED = 3


class Piece(NamedTuple):
    """A part of a sentence; a name comes from data, and stands on its own in the page."""

    text: str
    is_name: bool = False


def headline(standings: Standings) -> list[Piece]:
    """Return the sentence that a page of standings opens with."""
    ranked = standings.of("ranked")
    if not ranked:
        return [Piece(_nobody(standings))]
    return list(_of_one(ranked[0], standings) if len(ranked) == 1 else _of_many(ranked, standings))


def plain(pieces: Iterable[Piece]) -> str:
    """Return the sentence as text."""
    return "".join(piece.text for piece in pieces)


def _nobody(standings: Standings) -> str:
    unranked, apart, broken = (len(standings.of(status)) for status in ("unranked", "apart", "broken"))
    if not standings.entries:
        return "There is no model to rank."
    why = [
        f"{counted(unranked, 'model')} {'has' if unranked == 1 else 'have'} no {standings.metric}" if unranked else "",
        f"{counted(apart, 'model')} {'was' if apart == 1 else 'were'} measured otherwise" if apart else "",
        f"{counted(broken, 'submission')} {'is' if broken == 1 else 'are'} broken" if broken else "",
    ]
    return f"No model is ranked: {' and '.join(filter(None, why))}."


def _of_one(only: Entry, standings: Standings) -> Iterator[Piece]:
    value = only.metrics.get(standings.metric)
    yield _name(only)
    if value is None:
        reason = only.reasons.get(standings.metric) or "the result gives no reason"
        yield Piece(f" has no {standings.metric}: {reason}.")
    else:
        yield Piece(f" reaches {_value(only, standings)}. It is the only model that is ranked here.")


def _of_many(ranked: Sequence[Entry], standings: Standings) -> Iterator[Piece]:
    leader = ranked[0]
    if leader.metrics.get(standings.metric) is None:
        yield Piece(f"None of the {len(ranked)} models has a defined {standings.metric}.")
        return
    equals = [entry for entry in ranked if entry.rank == leader.rank]
    if len(equals) == len(ranked) and not leader.metrics[standings.metric] and not standings.lower_is_better:
        yield Piece(f"All {len(ranked)} models have {standings.metric}{_HELD}0: none finds anything that counts.")
        return
    tied = [entry for entry in ranked if entry.tied_with_leader and entry.rank != leader.rank]
    if len(equals) > 1:
        yield from _names(equals)
        yield Piece(f" share the lead with {_value(leader, standings)}")
    else:
        yield Piece("No clear winner: " if tied else "")
        yield _name(leader)
        yield Piece(f" {'is first' if tied else 'leads'} with {_value(leader, standings)}, ")
        yield from _ahead_of(ranked[1], standings)
    if len(equals) == len(ranked):
        yield Piece(".")
        return
    yield Piece("; ")
    if standings.resamples:
        yield from _ties(tied, are_several=len(equals) > 1, is_second=tied == ranked[1:2])
    else:
        yield Piece("without intervals nobody knows who is tied.")


def _ahead_of(second: Entry, standings: Standings) -> Iterator[Piece]:
    """Yield by how much the leader is ahead of the second, told by the leader."""
    found = second.behind
    if found is None or found.difference is None:
        yield Piece("ahead of ")
        yield _name(second)
        return
    yield Piece(f"{abs(found.difference):.3f} ahead of ")
    yield _name(second)
    if found.low is None or found.high is None:
        return
    sign = 1 if standings.lower_is_better else -1
    low, high = sorted((sign * found.low, sign * found.high))
    p = f", p{_HELD}{p_in_words(found.p_holm).replace(' ', _HELD)}" if found.p_holm is not None else ""
    yield Piece(f" (95{_HELD}% interval {_plain(low)} to {_plain(high)}{p})")


def _ties(tied: Sequence[Entry], *, are_several: bool, is_second: bool) -> Iterator[Piece]:
    """Yield who else may be the best: nobody, the second that was just named, or others by name."""
    if is_second:
        yield Piece("the two are tied.")
    elif not tied:
        yield Piece("nobody else is tied with them." if are_several else "nobody is tied with it.")
    else:
        yield from _names(tied)
        yield Piece(f" {'is' if len(tied) == 1 else 'are'} tied with {'them' if are_several else 'it'}.")


def _names(entries: Sequence[Entry]) -> Iterator[Piece]:
    """Yield names in a list: ``a``, ``a and b``, ``a, b and c``, ``a, b, c and 4 others``."""
    named = entries if len(entries) <= _MOST_NAMED + 1 else entries[:_MOST_NAMED]
    rest = len(entries) - len(named)
    for place, entry in enumerate(named):
        is_last = place == len(named) - 1 and not rest
        yield Piece("" if place == 0 else " and " if is_last else ", ")
        yield _name(entry)
    if rest:
        yield Piece(f" and {rest} others")


def _name(entry: Entry) -> Piece:
    return Piece(brief(entry.name, _LONGEST_NAME), is_name=True)


def _value(entry: Entry, standings: Standings) -> str:
    metric = standings.metric
    ends = entry.intervals.get(metric)
    interval = f"{_HELD}[{ends[0]:.3f},{_HELD}{ends[1]:.3f}]" if ends else ""
    return f"{metric}{_HELD}{entry.metrics[metric] or 0.0:.3f}{interval}"


def _plain(value: float) -> str:
    """Return a bound with a real minus sign, and 0.000 without one."""
    text = f"{value:.3f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.lstrip("-")
