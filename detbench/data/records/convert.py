"""A dataset becomes TFRecord shards, a label map, a manifest and a receipt, without TensorFlow."""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import detbench
from detbench.data.records.manifest import (
    MANIFEST_NAME,
    MANIFEST_SCHEMA,
    FileFacts,
    Manifest,
    ManifestSplit,
    ShardEntry,
    read_manifest,
)
from detbench.data.records.options import Options, names_of, parse_bytes
from detbench.data.records.plan import make_plan
from detbench.data.records.prepare import Preparer
from detbench.data.records.reading import find_splits, read_source
from detbench.data.records.receipt import RECEIPT_NAME, make_receipt, read_receipt, refuse_empty
from detbench.data.records.shards import ShardFacts, WriteError, write_shard
from detbench.data.records.staging import STAGING_NAME, Staging, refuse_occupied
from detbench.data.tables import Dataset
from detbench.errors import DataError, UsageError
from detbench.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from detbench.data.findings import Findings
    from detbench.data.records.plan import Plan, Shard, SplitPlan
    from detbench.data.records.receipt import Receipt

    #: ``progress(what, total)`` is a context that gives ``advance(n)``.
    Progress = Callable[[str, int], contextlib.AbstractContextManager[Callable[[int], None]]]

__all__ = ["LABEL_MAP_NAMES", "convert"]

LABEL_MAP_NAMES = ("label_map.json", "label_map.pbtxt")


def convert(  # noqa: PLR0913  one keyword for each option of the command
    source: Path | str | Dataset,
    out: Path | str,
    *,
    format_name: str | None = None,
    splits: str | Sequence[str] = (),
    only_categories: str | Sequence[str] = (),
    only_images: bool = False,
    limit: int | None = None,
    per_category: int | None = None,
    shards: int | None = None,
    shard_bytes: int | str | None = None,
    shuffle: int | None = None,
    check_pictures: bool = True,
    on_bad: Literal["raise", "skip"] = "raise",
    workers: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Receipt:
    """Convert a dataset to TFRecord shards in the folder ``out`` and return the receipt.

    Parameters
    ----------
    source
        A dataset in any format that can be read, or one that has been read.
    out
        A folder that does not exist or is empty. Nothing appears in it until everything is written.
    format_name
        See :func:`detbench.read_dataset`.
    splits
        Which splits, or which one; by default all, except one that only holds the images of others again.
    only_categories
        The categories whose boxes are kept, or the one; by default all. Regions of no category stay.
    only_images
        Keep only the images that have at least one kept box of a category.
    limit
        At most so many images of each split.
    per_category
        At most so many images of each category: an image stays while none of its categories is full.
    shards, shard_bytes
        How many shards a split has, or how many bytes of pictures a shard has (``"128MiB"``, the default).
    shuffle
        A seed to order the images by; by default they keep the source's order.
    check_pictures
        Decode every picture to find the broken ones.
    on_bad
        What to do with a picture or a record of the source that is broken: ``"raise"``, or ``"skip"`` and count it
        in the receipt's ``changes``.
    workers
        On how many threads pictures are read and checked, by default one for every core. The bytes do not depend on it.
    resume
        Finish a conversion that was interrupted; one that is finished is checked and left alone.
    overwrite
        Replace an earlier conversion, which stays untouched until the new one is complete.
    progress
        ``progress(what, total)`` gives a context that yields ``advance(n)``, told the images that are done.

    Raises
    ------
    DataError
        If the source is broken, no image of it is left to be stored, or the output cannot be written. Nothing
        half-written is left; shards that are finished are kept for ``resume`` where the disk was full or the process
        was interrupted.
    UsageError
        If the options contradict each other or name what is not there.
    """
    options = Options(
        format=format_name,
        splits=names_of(splits),
        only_categories=names_of(only_categories),
        only_images=only_images,
        limit=limit,
        per_category=per_category,
        shards=shards,
        shard_bytes=parse_bytes(shard_bytes) if isinstance(shard_bytes, str) else shard_bytes,
        shuffle=shuffle,
        check_pictures=check_pictures,
        on_bad=on_bad,
    )
    count = _worker_count(workers)
    folder = Path(out)
    origin = source if isinstance(source, Dataset) else Path(source)
    found = find_splits(origin, options)  # what is wrong with the source is said first
    refuse_occupied(folder, resume=resume, overwrite=overwrite)
    reading = read_source(origin, found, options)
    plan = make_plan(reading.datasets, options)
    place = reading.datasets[0].source
    if resume and _is_finished(folder, plan):
        return read_receipt(folder / RECEIPT_NAME)
    staging = Staging(folder, plan, resume=resume)
    try:
        if not staging.complete:
            done = _write_shards(plan, staging, count, progress or _silent)
            _write_papers(plan, staging, place, done, reading.findings)
        staging.publish()
    except KeyboardInterrupt:
        _keep_finished(staging)
        raise
    except WriteError as error:
        remedy = "make room and go on with --resume" if _keep_finished(staging) else "nothing was left half-written"
        raise WriteError(error.problem, file=folder / error.file, remedy=remedy) from error
    except DataError:
        staging.discard()
        raise
    finally:
        staging.close()
    return read_receipt(folder / RECEIPT_NAME)


def _keep_finished(staging: Staging) -> bool:
    """Return whether there are finished shards to be resumed; without any, nothing is left behind."""
    kept = staging.has_finished_shards()
    if not kept:
        staging.discard()
    return kept


def _worker_count(workers: int | None) -> int:
    if workers is not None and workers < 1:
        raise UsageError(f"--workers must be at least 1, not {workers}")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return workers or usable or 1


@contextlib.contextmanager
def _silent(_what: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _n: None


def _is_finished(folder: Path, plan: Plan) -> bool:
    """Return whether the folder holds this very conversion. Raises DataError if it holds another, or a broken one."""
    path = folder / MANIFEST_NAME
    if (folder / STAGING_NAME).exists() or not path.exists():
        return False
    manifest = read_manifest(path)
    if manifest.plan != plan.fingerprint:
        raise DataError(
            "the conversion here was made with other options, or of another source",
            file=folder,
            remedy="--overwrite it, or choose another folder",
        )
    for name, sha256 in manifest.hashes().items():
        if sha256_of(folder / name) != sha256:
            raise DataError("is no longer what was written", file=folder / name, remedy="convert with --overwrite")
    return True


def _write_shards(plan: Plan, staging: Staging, workers: int, progress: Progress) -> list[ShardFacts]:
    """Write every shard that is not there yet, and return what all of them hold."""
    total = sum(len(split.dataset.images) for split in plan.splits)
    done = []
    finishing: Future[None] | None = None  # a shard goes to the disk while the next one is made
    with (
        progress("converting", total) as advance,
        ThreadPoolExecutor(1, "finish") as finisher,
        ThreadPoolExecutor(workers, "prepare") as pool,
    ):
        try:
            for shard, prepare in _with_preparers(plan):
                facts = staging.finished(shard.file_name)
                if facts is None:
                    facts = write_shard(staging.aside(shard.file_name), shard, prepare, pool, workers, advance)
                    if finishing is not None:
                        finishing.result()
                    finishing = finisher.submit(staging.finish, facts)
                else:
                    advance(shard.stop - shard.start)
                done.append(facts)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if finishing is not None:
        finishing.result()
    return done


def _with_preparers(plan: Plan) -> Iterator[tuple[Shard, Preparer]]:
    for split in plan.splits:
        prepare = Preparer(split.dataset, plan.label_map, plan.options)
        yield from ((shard, prepare) for shard in split.shards())


def _write_papers(
    plan: Plan, staging: Staging, source: Path, shards: list[ShardFacts], findings: Mapping[str | None, Findings]
) -> None:
    """Write the label maps, the receipt and, when all is there, the manifest. Raises DataError if nothing is there."""
    receipt = make_receipt(plan, source, shards, findings)
    refuse_empty(receipt, source)
    papers = {
        LABEL_MAP_NAMES[0]: plan.label_map.to_json(),
        LABEL_MAP_NAMES[1]: plan.label_map.to_pbtxt().encode(),
        RECEIPT_NAME: receipt.to_json(),
    }
    manifest = Manifest(
        schema=MANIFEST_SCHEMA,
        detbench=detbench.__version__,
        name=plan.name,
        plan=plan.fingerprint,
        categories=plan.label_map.categories,
        splits=tuple(_manifest_split(split, shards) for split in plan.splits),
        files=tuple(FileFacts(name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in papers.items()),
    )
    for name, raw in (papers | {MANIFEST_NAME: manifest.to_json()}).items():
        staging.write(name, raw)


def _manifest_split(split: SplitPlan, shards: list[ShardFacts]) -> ManifestSplit:
    own = [facts for facts in shards if facts.split == split.name]
    return ManifestSplit(
        split=split.dataset.split,
        images=sum(facts.records for facts in own),
        boxes=sum(facts.boxes for facts in own),
        regions=sum(facts.regions for facts in own),
        shards=tuple(ShardEntry(facts.file, facts.records, facts.length_bytes, facts.sha256) for facts in own),
    )
