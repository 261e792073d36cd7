"""What was measured: data, protocol, ranking, environment, every model's files, the commands, and how to cite."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from detbench.evaluation.results import Result
from detbench.report.tables import citation, dataset_rows, protocol_rows
from detbench.words import brief, counted, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detbench.evaluation.document import Document, Remark
    from detbench.evaluation.standings.document import Entry, Standings

__all__ = ["ModelRow", "ProvenanceView", "provenance"]

_LONGEST_NAME = 80

#: So many digits of a fingerprint are enough to tell two apart in print.
_BRIEF = 12


class ModelRow(NamedTuple):
    """Whose predictions were measured: file, SHA-256, how many, the version of detbench that measured them."""

    name: str
    source: str
    fingerprint: str
    predictions: str
    detbench: str
    timing: str


class ProvenanceView(NamedTuple):
    """What was measured, as rows of a name and a text; ``commands`` are lines for a shell."""

    data: list[tuple[str, str]]
    protocol: list[tuple[str, str]]
    ranking: list[tuple[str, str]]
    environment: list[tuple[str, str]]
    models: list[ModelRow]
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
        models=[_model(entry, results[entry.name]) for entry in alike],
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


def _model(entry: Entry, result: Document) -> ModelRow:
    given = result.predictions
    return ModelRow(
        name=entry.name,
        source=given.source,
        fingerprint=given.fingerprint,
        predictions=f"{given.predictions:,}",
        detbench=result.detbench,
        timing=result.timing.fingerprint[:_BRIEF] if result.timing else "",
    )


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
        f"{counted(len(ranked), 'model')} ranked by {standings.metric} on {named(data.name, _LONGEST_NAME)}{split}, "
        f"data {data.fingerprint[:_BRIEF]}, detbench {standings.detbench}."
    )
    return [ranking, *citation(Result(results[ranked[0].name]))]
