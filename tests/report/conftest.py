"""Results and profiles to report on, made up and real; a reader of their pages, and a browser to look at them.

The browser is Chromium, driven over its debugging pipe, with nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import random
import select
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detbench.evaluation.comparison import Difference
from detbench.evaluation.document import CategoryResult, Curves, DatasetFacts, Document, PredictionFacts, Remark
from detbench.evaluation.results import Result
from detbench.evaluation.standings.document import Entry, Standings
from detbench.timing.document import Counterexample, Machine, Measurement, Profile, TimedCase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_RECALL = [round(0.01 * step, 2) for step in range(101)]
_COCO_NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"]


def _curve(height: float) -> list[float]:
    """Return a curve that falls from ``height`` to 0 somewhere before full recall."""
    return [round(max(0.0, height * (1 - (recall / 0.9) ** 3)), 6) for recall in _RECALL]


def _category(place: int, name: str) -> CategoryResult:
    ap = 0.2 + 0.6 * abs(math.sin(place + 1))
    return CategoryResult(
        name=name,
        ground_truths=3 + 17 * place % 101,
        ignored=place % 3,
        predictions=40 + place,
        metrics={"AP": ap, "AP50": min(1.0, ap * 1.4), "AP75": ap * 0.9, "recall": min(1.0, ap * 1.2)},
        intervals={"AP": (ap * 0.8, min(1.0, ap * 1.1))},
        reasons={},
    )


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """Return a maker of results: ``make_result(names=("car",), name="mine")``; other keywords replace fields."""

    def make(names: tuple[str, ...] = ("car", "person", "bus"), **changes: Any) -> Result:
        categories = [_category(place, name) for place, name in enumerate(names)]
        metrics: dict[str, float | None] = {name: 0.3 + 0.04 * place for place, name in enumerate(_COCO_NAMES)}
        document = Document(
            detbench="0.1.0",
            name="a-detector",
            protocol={
                "name": "coco",
                "iou_thresholds": [0.5, 0.8999999999999999, 0.95],
                "max_dets": [1, None],
                "on": True,
            },
            dataset=DatasetFacts(
                name="streets",
                format="coco",
                split="val",
                fingerprint="1f" * 32,
                images=80,
                ground_truths=sum(category.ground_truths for category in categories),
                categories=len(names),
            ),
            predictions=PredictionFacts(
                source="a-detector.json", fingerprint="2e" * 32, predictions=900, images=79, dropped=0
            ),
            environment={"python": "3.11.9", "numpy": "2.3.4", "native": "yes"},
            metrics=metrics,
            intervals={name: (0.28 + 0.04 * place, 0.33 + 0.04 * place) for place, name in enumerate(_COCO_NAMES)},
            interval_method="95 %, percentile bootstrap over images, 1000 resamples, seed 0",
            reasons={},
            per_category=categories,
            curves=Curves(
                recall=_RECALL,
                mean={f"{0.5 + 0.05 * step:.2f}": _curve(0.95 - 0.08 * step) for step in range(10)},
                by_category=[_curve(0.9 - 0.1 * (place % 8)) for place in range(len(names))],
            ),
            remarks=[Remark(code="box-zero-area", severity="warning", message="2 boxes have no area")],
        )
        return Result(msgspec.structs.replace(document, **changes))

    return make


@pytest.fixture
def empty_result(make_result: Callable[..., Result]) -> Result:
    """Return a result without any ground truth: every number is undefined."""
    reason = "no ground truth of any category"
    nothing = CategoryResult(
        name="car",
        ground_truths=0,
        ignored=0,
        predictions=0,
        metrics={"AP": None},
        intervals={},
        reasons={"AP": reason},
    )
    return make_result(
        names=("car",),
        metrics=dict.fromkeys(_COCO_NAMES),
        reasons=dict.fromkeys(_COCO_NAMES, reason),
        intervals={},
        interval_method="",
        per_category=[nothing],
        curves=Curves(recall=_RECALL, mean={}, by_category=[None]),
        remarks=[],
    )


@pytest.fixture(scope="session")
def real_result(shared: Path) -> Result:
    """Return YOLOX-nano on 80 real COCO images as pycocotools measures it."""
    truth = shared / "coco_tiny" / "annotations" / "instances_val2017.json"
    return _measured(truth, shared / "predictions" / "yolox_nano__coco_tiny_val.json")


def _measured(truth: Path, predictions: Path) -> Result:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        known = coco.COCO(str(truth))
        found = known.loadRes(str(predictions))
        run = evaluation.COCOeval(known, found, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][:, :, :, 0, 2]  # shape (thresholds, recall levels, categories)
    recall = run.eval["recall"][0, :, 0, 2]
    stats = dict(zip(_COCO_NAMES, map(float, run.stats), strict=True))
    present = precision[0, 0] > -1
    categories = []
    for column, number in enumerate(run.params.catIds):
        boxes = known.loadAnns(known.getAnnIds(catIds=[number]))
        numbers = {
            "AP": float(precision[:, :, column].mean()),
            "AP50": float(precision[0, :, column].mean()),
            "AP75": float(precision[5, :, column].mean()),
            "recall": float(recall[column]),
        }
        defined = bool(present[column])
        categories.append(
            CategoryResult(
                name=known.cats[number]["name"],
                ground_truths=sum(not box["iscrowd"] for box in boxes),
                ignored=sum(box["iscrowd"] for box in boxes),
                predictions=len(found.getAnnIds(catIds=[number])),
                metrics=dict(numbers) if defined else dict.fromkeys(numbers),
                intervals={},
                reasons={} if defined else dict.fromkeys(numbers, "no ground truth of this category"),
            )
        )
    mean = precision[:, :, present].mean(axis=2)
    document = Document(
        detbench="0.1.0",
        name=predictions.stem,
        protocol={"name": "coco"},
        dataset=DatasetFacts(
            name="coco_tiny",
            format="coco",
            split="val2017",
            fingerprint="0" * 64,
            images=len(known.imgs),
            ground_truths=sum(category.ground_truths for category in categories),
            categories=len(categories),
        ),
        predictions=PredictionFacts(
            source=predictions.name,
            fingerprint="0" * 64,
            predictions=len(found.anns),
            images=len({box["image_id"] for box in found.anns.values()}),
            dropped=0,
        ),
        environment={"pycocotools": "the oracle"},
        metrics=dict(stats),
        intervals={},
        interval_method="",
        reasons={},
        per_category=categories,
        curves=Curves(
            recall=[round(float(level), 6) for level in run.params.recThrs],
            mean={f"{t:.2f}": mean[i].round(6).tolist() for i, t in enumerate(run.params.iouThrs)},
            by_category=[precision[0, :, c].round(6).tolist() if present[c] else None for c in range(len(present))],
        ),
        remarks=[],
    )
    return Result(document)


#: Operator, group, series, sizes, milliseconds at the first size, growth, bytes and operations of a row.
_OPERATORS = (
    ("nms", "nms", ("clustered 5", "clustered 20", "clustered 100", "random"), (1_000, 10_000, 50_000), 0.2, 1.1),
    ("batched-nms", "nms", ("80 categories",), (1_000, 10_000), 0.3, 1.0),
    ("roi-align", "roi-pooling", ("38×50×1024", "64×64×256"), (300, 1_000, 2_000), 8.0, 1.0),
    ("iou", "iou", ("against 100",), (1_000, 10_000, 50_000), 0.1, 1.0),
)
_IMPLEMENTATIONS = {"native": 1.0, "combined_nms": 9.4, "tensorflow": 24.0, "numpy": 31.0, "opencv": 140.0}

#: What a strict threshold does: it drops a box that overlaps by the threshold exactly.
_COUNTEREXAMPLE = Counterexample(
    case="an IoU of the threshold exactly",
    problem="it drops row 1, which the reference keeps",
    hint="a box is dropped if its IoU is greater than the threshold, not if it is equal",
    inputs={
        "box": [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 5.0], [30.0, 2.0, 42.0, 14.0], [31.0, 2.0, 42.0, 14.0]],
        "score": [0.9, 0.8, 0.7, 0.6],
    },
    settings={"iou_threshold": 0.5, "limit": None},
    expected=[0, 1, 2],
    got=[0, 2, 3],
)


@pytest.fixture
def make_profile() -> Callable[..., Profile]:
    """Return a maker of profiles: ``make_profile(implementations={"mine": 3.0})``, times as factors of the fastest.

    ``refused`` names who is refused everywhere; other keywords replace fields.
    """

    def make(
        implementations: dict[str, float] | None = None, refused: tuple[str, ...] = ("mine",), **changes: Any
    ) -> Profile:
        rng = random.Random(7)  # noqa: S311  times, not secrets
        names = _IMPLEMENTATIONS if implementations is None else implementations
        cases, measurements = [], []
        for operator, group, all_series, sizes, first_ms, power in _OPERATORS:
            for series in all_series:
                for size in sizes:
                    case = _timed_case(operator, group, series, size)
                    fastest_ms = first_ms * (size / sizes[0]) ** power
                    cases.append(case)
                    measurements += [_timed(case, name, factor * fastest_ms, rng) for name, factor in names.items()]
                    measurements += [_not_timed(case, name, "refused") for name in refused]
                    measurements.append(_not_timed(case, "torchvision", "absent"))
        whole = Profile(
            detbench="0.1.0",
            environment={"python": "3.11.9", "numpy": "2.3.4"},
            machine=Machine(
                cores=2, threads=2, blas="OpenBLAS 0.3.30", copy_bytes_per_s=16.8e9, operations_per_s=169e9
            ),
            options={"boxes": [1000, 10000, 50000], "seed": 0, "device": "cpu", "complete": True},
            cases=cases,
            measurements=measurements,
        )
        return msgspec.structs.replace(whole, **changes)

    return make


def _timed_case(operator: str, group: str, series: str, size: int) -> TimedCase:
    rows = {"roi-pooling": "region"}.get(group, "box")
    bytes_moved, operations = size * (50_176 if group == "roi-pooling" else 20), size * 12_544
    return TimedCase(
        operator=operator,
        group=group,
        name=f"{size:,} {series}",
        series=series,
        size=size,
        settings={"iou_threshold": 0.5},
        shapes={rows: [size, 4]},
        bytes_moved=bytes_moved,
        operations=operations,
        counts="every input read once, every answer written once",
        bound_ms=1e3 * max(bytes_moved / 16.8e9, operations / 169e9),
    )


def _timed(case: TimedCase, name: str, median_ms: float, rng: random.Random) -> Measurement:
    return Measurement(
        operator=case.operator,
        case=case.name,
        implementation=name,
        device="cpu",
        status="timed",
        error=0.0 if "nms" in case.operator else 2.4e-7,
        error_unit="rows" if "nms" in case.operator else "largest difference",
        differs={"score ties": "takes equal scores in any order"} if name == "combined_nms" else {},
        first_call_ms=median_ms * 4,
        compile_ms=52.0 if name == "tensorflow" else None,
        send_ms=0.4 if name == "tensorflow" else None,
        fetch_ms=0.1 if name == "tensorflow" else None,
        samples_ms=[median_ms * math.exp(abs(rng.gauss(0, 0.06))) for _ in range(40)],
    )


def _not_timed(case: TimedCase, name: str, status: Any) -> Measurement:
    is_nms = status == "refused" and case.operator == "nms"
    return Measurement(
        operator=case.operator,
        case=case.name,
        implementation=name,
        device="cpu",
        status=status if is_nms or status != "refused" else "unsupported",
        reason=f"{_COUNTEREXAMPLE.case}: {_COUNTEREXAMPLE.problem}" if is_nms else "torchvision is not installed",
        counterexample=_COUNTEREXAMPLE if is_nms else None,
    )


#: Elements of HTML that have no end, and those that a reader sees apart from what is before them.
_VOID = {"meta", "link", "br", "input", "img", "wbr"}
_APART = {"title", "text", "p", "span", "div", "td", "th", "li", "dt", "dd", "caption", "figcaption", "summary", "h3"}


class Element(dict[str, str | None]):
    """An element that was read: its attributes, with its tag, what is in it, and what it is in."""

    def __init__(self, tag: str, attributes: list[tuple[str, str | None]], parent: Element | None) -> None:
        super().__init__(attributes)
        assert len(self) == len(attributes), f"an attribute of {tag} stands twice"
        self.tag, self.parent, self.parts = tag, parent, list[Element | str]()

    def inside(self) -> Iterator[Element]:
        """Yield every element in it, in the order of the page."""
        for part in self.parts:
            if isinstance(part, Element):
                yield part
                yield from part.inside()

    def all(self, tag: str, look: str = "") -> list[Element]:
        """Return every element of a kind in it, or of those that have a class."""
        found = [element for element in self.inside() if element.tag == tag]
        return [each for each in found if not look or look in (each.get("class") or "").split()]

    @property
    def text(self) -> str:
        """What a reader sees of it, with single spaces."""
        return " ".join("".join(self._words()).split())

    def _words(self) -> Iterator[str]:
        yield " " if self.tag in _APART else ""
        if self.tag not in {"script", "style"}:
            for part in self.parts:
                yield from [part] if isinstance(part, str) else part._words()

    @property
    def rows(self) -> list[list[str]]:
        """The texts of the cells of every row in it."""
        return [[cell.text for cell in row.inside() if cell.tag in {"td", "th"}] for row in self.all("tr")]

    def row(self, head: str) -> list[str]:
        """Return the cells of the first row that begins so."""
        return next(row for row in self.rows if row[:1] == [head])


class Page(HTMLParser):
    """A page, or a part of one, that is read as browsers do; complains about elements that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.root = html, Element("", [], None)
        self._open = self.root
        self.feed(html)
        self.close()
        assert self._open is self.root, f"{self._open.tag} has no end"
        self.elements = [(element.tag, element) for element in self.root.inside()]
        self.all, self.row, self.rows, self.text = self.root.all, self.root.row, self.root.rows, self.root.text

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element, or put one there that has no end."""
        found = Element(tag, attrs, self._open)
        self._open.parts.append(found)
        if tag not in _VOID:
            self._open = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Put an element there that ends in a slash: browsers take that in drawings alone."""
        self._open.parts.append(Element(tag, attrs, self._open))
        assert tag in _VOID or tag == "svg" or self._is_drawing(), f"{tag} is not ended by a slash"

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        assert self._open.tag == tag, f"{self._open.tag} is ended by {tag}"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        """Take text."""
        self._open.parts.append(data)

    def _is_drawing(self) -> bool:
        around: Element | None = self._open
        while around is not None and around.tag != "svg":
            around = around.parent
        return around is not None


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    """Return what reads the HTML of a page, or of a part of one."""
    return Page


_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run")
_PATIENCE_S = 30.0

#: Puts the two pipes where Chromium looks for them, then becomes Chromium.
_LAUNCH = """
import fcntl, os, sys
aside = [fcntl.fcntl(int(name), fcntl.F_DUPFD_CLOEXEC, 10) for name in sys.argv[1:3]]
os.dup2(aside[0], 3)
os.dup2(aside[1], 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A headless Chromium with one tab. Messages are JSON, each ended by a NUL, on file descriptors 3 and 4."""

    def __init__(self, program: str, profile: Path) -> None:
        command_read, self._write = os.pipe()
        self._read, reply_write = os.pipe()
        pipes = (str(command_read), str(reply_write))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *pipes, program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(command_read, reply_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_read)
        os.close(reply_write)
        self._waiting = b""
        self._last_id = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its reply; what happens meanwhile is kept in ``events``."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            reply = self._next()
            if reply.get("id") == self._last_id:
                assert "error" not in reply, reply["error"]
                result: dict[str, Any] = reply["result"]
                return result
            self.events.append(reply)

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._waiting:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(self._read, 65536) if ready else b""
            assert chunk, "Chromium said nothing for too long, or has gone"
            self._waiting += chunk
        head, _, self._waiting = self._waiting.partition(b"\0")
        message: dict[str, Any] = json.loads(head)
        return message

    def open(self, path: Path, *, width_px: int = 1280, dark: bool = False) -> None:
        """Load a file and wait until it is complete."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width_px, height=900, deviceScaleFactor=1, mobile=width_px < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + _PATIENCE_S
        while self.run("document.readyState") != "complete":
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page and return its value; an exception in it fails the test."""
        reply = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the console showed and what the policy refused."""
        self.run("0")
        kinds = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
        return [event for event in self.events if event["method"] in kinds]

    def requests(self) -> list[str]:
        """Return every address asked for since the page was opened."""
        self.run("0")
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def close(self) -> None:
        """End the browser."""
        os.close(self._write)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start Chromium, or skip where there is none."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    started = Browser(program, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture
def make_standings(make_result: Callable[..., Result]) -> Callable[..., tuple[Standings, dict[str, Document]]]:
    """Return a maker of standings: ``make_standings(["a", "b"], tied=2)`` gives them with the results by name.

    The first ``tied`` models are tied; ``ahead`` is the step from one model to the next; ``entry`` replaces fields of
    every entry, other keywords those of the standings.
    """

    def make(
        names: Sequence[str],
        *,
        tied: int = 1,
        ahead: float = 0.02,
        equal: int = 1,
        broken: dict[str, str] | None = None,
        apart: dict[str, str] | None = None,
        entry: dict[str, Any] | None = None,
        categories: tuple[str, ...] = ("car", "person"),
        **changes: Any,
    ) -> tuple[Standings, dict[str, Document]]:
        results = {}
        for place, name in enumerate([*names, *(apart or {})]):
            base = make_result(names=categories, name=name)
            value = 0.6 - ahead * max(0, place - equal + 1)
            results[name] = msgspec.structs.replace(
                base.document,
                metrics=base.metrics | {"AP": value},
                intervals=base.intervals | {"AP": (value - 0.03, value + 0.03)},
            )
        lead = next(iter(results.values()), None)
        entries = [
            _entry(results[name], place, equal, tied, len(names), entry or {}) for place, name in enumerate(names)
        ]
        entries += [_unranked(name, "apart", why, results[name]) for name, why in (apart or {}).items()]
        entries += [_unranked(name, "broken", why, None) for name, why in (broken or {}).items()]
        standings = Standings(
            detbench="0.1.0",
            dataset=lead.dataset if lead else None,
            protocol=lead.protocol if lead else None,
            metric="AP",
            lower_is_better=False,
            resamples=1000 if len(names) > 1 else 0,
            seed=0,
            interval_method="95 % bootstrap over images, 1000 resamples, seed 0" if len(names) > 1 else "",
            p_method="two-sided, corrected by Holm" if len(names) > 1 else "",
            entries=entries,
            remarks=lead.remarks if lead else [],
        )
        return msgspec.structs.replace(standings, **changes), results

    return make


def _entry(result: Document, place: int, equal: int, tied: int, models: int, changes: dict[str, Any]) -> Entry:
    is_tied = place < max(tied, equal)
    difference = result.metrics["AP"] - 0.6  # type: ignore[operator]  it is defined
    behind = Difference(
        model=result.metrics["AP"],
        baseline=0.6,
        difference=difference,
        low=difference - 0.015,
        high=difference + 0.015,
        opposite=0.1,
        p=0.01,
        p_holm=0.02,
        verdict="not significant" if is_tied else "lower",
        reason="",
    )
    entry = Entry(
        name=result.name,
        source=result.name,
        status="ranked",
        dataset=result.dataset,
        protocol="coco",
        predictions=result.predictions.fingerprint,
        metrics=result.metrics,
        intervals=result.intervals,
        categories={category.name: category.metrics["AP"] for category in result.per_category},
        rank=1 if place < equal else place + 1,
        rank_interval=(1, max(tied, equal)) if is_tied else (place + 1, models),
        tied_with_leader=is_tied,
        best=0.5,
        behind=behind if place else None,
    )
    return msgspec.structs.replace(entry, **changes)


def _unranked(name: str, status: Any, why: str, result: Document | None) -> Entry:
    entry = Entry(name=name, source=name, status=status, reason=why)
    if result is None:
        return entry
    return msgspec.structs.replace(entry, dataset=result.dataset, protocol="coco", metrics=result.metrics)
