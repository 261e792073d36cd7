"""What was measured: data, protocol, ranking, environment, every model's files, the commands, and how to cite."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.results import Result
from detbench.report.sections.headline import headline, plain
from detbench.report.tables import citation, dataset_rows, protocol_rows
from detbench.words import brief, counted, named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from detbench.evaluation.document import Document, Remark
    from detbench.evaluation.standings.document import Standings

__all__ = ["FileRow", "ProvenanceView", "provenance"]

_LONGEST_NAME = 80

#: So many digits of a fingerprint are enough to tell two apart in print.
_BRIEF = 12


class FileRow(NamedTuple):
    """A file of a model that was measured: what it holds, how many, its SHA-256, and detbench's version then."""

    name: str
    what: str
    source: str
    many: str
    fingerprint: str
    detbench: str


class ProvenanceView(NamedTuple):
    """What was measured, as rows of a name and a text; ``commands`` are lines for a shell."""

    data: list[tuple[str, str]]
    protocol: list[tuple[str, str]]
    ranking: list[tuple[str, str]]
    environment: list[tuple[str, str]]
    files: list[FileRow]
    commands: list[str]
    citation: list[str]
    remarks: list[Remark]


def provenance(standings: Standings, results: Mapping[str, Document]) -> ProvenanceView:
    """Return what was measured; ``results`` are those of the ranked and unranked entries, by name."""
    alike = standings.alike()
    return ProvenanceView(
        data=dataset_rows(standings.dataset) if standings.dataset else [],
        protocol=protocol_rows(standings.protocol or {}),
        ranking=_ranking(standings),
        environment=_environment([results[entry.name] for entry in alike]),
        files=[row for entry in alike for row in _files(entry.name, results[entry.name])],
        commands=_commands(standings),
        citation=_citation(standings, results),
        remarks=standings.remarks,
    )


def _ranking(standings: Standings) -> list[tuple[str, str]]:
    rows = [("ranked by", f"{standings.metric or 'nothing'}, the {_best(standings)} first")]
    if standings.resamples:
        rows += [("resamples of the images", f"{standings.resamples:,}"), ("seed", str(standings.seed))]
    rows += [("intervals", standings.interval_method)] if standings.interval_method else []
    rows += [("p-values", standings.p_method)] if standings.p_method else []
    return [*rows, ("detbench", standings.detbench)]


def _best(standings: Standings) -> str:
    return "lowest" if standings.lower_is_better else "highest"


def _environment(results: list[Document]) -> list[tuple[str, str]]:
    """Return where the numbers were computed: what is the same for all, and what the others say where it is not."""
    names = sorted({name for result in results for name in result.environment})
    rows = []
    for name in names:
        found = list(dict.fromkeys(result.environment.get(name, "not said") for result in results))
        rows.append((name, ", ".join(found)))
    return rows


def _files(name: str, result: Document) -> Iterator[FileRow]:
    """Yield what was measured of a model: predictions, proposals, times."""
    given, proposals, timing = result.predictions, result.proposals, result.timing
    if not result.is_of_proposals_alone:
        yield FileRow(name, "predictions", given.source, f"{given.predictions:,}", given.fingerprint, result.detbench)
    if proposals:
        count = f"{proposals.proposals:,}"
        yield FileRow(name, "proposals", proposals.source, count, proposals.fingerprint, result.detbench)
    if timing:
        yield FileRow(name, "times", timing.source, f"{timing.samples:,}", timing.fingerprint, result.detbench)


def _commands(standings: Standings) -> list[str]:
    """Return what makes the same numbers again; the names in capitals are the reader's own."""
    if standings.dataset is None:
        return []
    split = f" --split {shlex.quote(standings.dataset.split)}" if standings.dataset.split else ""
    protocol = str((standings.protocol or {}).get("name", ""))
    options = f"{split} --protocol {shlex.quote(protocol)}" if protocol else split
    drawn = f" --resamples {standings.resamples} --seed {standings.seed}" if standings.resamples else ""
    return [
        f"detbench eval GROUND_TRUTH PREDICTIONS{options}{drawn} -o RESULTS/NAME",
        "detbench report RESULTS/* -o PAGES",
        f"detbench leaderboard SUBMISSIONS --ground-truth GROUND_TRUTH{options} -o PAGES",
    ]


def _citation(standings: Standings, results: Mapping[str, Document]) -> list[str]:
    """Return lines to paste under a published table: what was ranked, the leader's number, the protocol's paper."""
    ranked = standings.of("ranked")
    if not ranked or standings.dataset is None:
        return []
    data = standings.dataset
    split = f" {brief(data.split, _LONGEST_NAME)}" if data.split else ""
    ranking = (
        f"{counted(len(ranked), 'model')} ranked by {standings.metric} on {named(data.name, _LONGEST_NAME)}{split} "
        f"({counted(data.images, 'image')}), data {data.fingerprint[:_BRIEF]}, detbench {standings.detbench}."
    )
    return [ranking, plain(headline(standings)), *citation(Result(results[ranked[0].name]))]
