"""How fast the conversion is, beside what bounds it: whole processes, interleaved, medians.

``python tests/bench/convert_speed.py [--images 5000] [--rounds 5] [--write docs/benchmarks.md]`` draws JPEGs of about
100 kB with ten boxes each, and runs, turn about: a plain copy of their bytes into one file; the same with the file put
on the disk, as a conversion does; their SHA-256; TensorFlow's own writer; decoding alone with simplejpeg on all cores;
``detbench convert`` without and with the picture check, and of a tenth of the images, for the memory. Each is a process
of its own; a worker prints the seconds it took inside.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import Failed, drawn, machine, median, median_and_range, run, write_section

_WIDTH_PX, _HEIGHT_PX = 640, 480
_TITLES = {
    "copy": "plain copy into one file",
    "durable": "the same copy, put on the disk (fsync)",
    "sha256": "SHA-256 of the same bytes, one core",
    "tensorflow": "TensorFlow's writer, as the API's COCO script uses it",
    "convert-fast": "`detbench convert --no-check-pictures`",
    "decode": "simplejpeg alone: every picture to RGB, all cores",
    "convert": "`detbench convert`",
    "convert-tenth": "`detbench convert`, a tenth of the images",
}


def draw(folder: Path, images: int) -> None:
    """Write the benchmark set as COCO, the same for the same number of images."""
    import numpy as np
    import simplejpeg
    from PIL import Image

    (folder / "images").mkdir()
    (folder / "annotations").mkdir()
    rows: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for number in range(images):
        random = np.random.default_rng(number)
        small = random.integers(0, 256, (_HEIGHT_PX // 16, _WIDTH_PX // 16, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(small).resize((_WIDTH_PX, _HEIGHT_PX), Image.Resampling.BICUBIC))
        noisy = smooth.astype(np.int16) + random.integers(-24, 25, (_HEIGHT_PX, _WIDTH_PX, 3))
        pixels = np.ascontiguousarray(np.clip(noisy, 0, 255).astype(np.uint8))
        name = f"{number:06d}.jpg"
        (folder / "images" / name).write_bytes(simplejpeg.encode_jpeg(pixels, quality=82, colorsubsampling="420"))
        rows.append({"id": number + 1, "file_name": name, "width": _WIDTH_PX, "height": _HEIGHT_PX})
        for x, y, w, h in random.uniform((0, 0, 5, 5), (500, 370, 100, 100), (10, 4)).round(2).tolist():
            box = {"id": len(boxes) + 1, "image_id": number + 1, "category_id": 1 + len(boxes) % 3, "iscrowd": 0}
            boxes.append(box | {"bbox": [x, y, w, h], "area": w * h})
    categories = [{"id": number, "name": f"kind {number}"} for number in (1, 2, 3)]
    table = {"images": rows, "annotations": boxes, "categories": categories}
    (folder / "annotations" / "instances_bench.json").write_text(json.dumps(table))


def _copy(files: list[Path], out: Path, *, durable: bool) -> None:
    with out.open("wb", buffering=0) as target:
        for file in files:
            target.write(file.read_bytes())
        if durable:
            os.fsync(target.fileno())


def _sha256(files: list[Path]) -> float:
    """Return the seconds that hashing takes, without reading."""
    digest, seconds = hashlib.sha256(), 0.0
    for file in files:
        data = file.read_bytes()
        begun = time.perf_counter()
        digest.update(data)
        seconds += time.perf_counter() - begun
    return seconds


def _decode(files: list[Path]) -> None:
    import simplejpeg

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda file: simplejpeg.decode_jpeg(file.read_bytes()).shape, files):
            pass


def _tensorflow(boxes: list[dict[str, Any]], files: list[Path], out: Path) -> None:
    """Write the features that the Object Detection API's COCO script writes, as it does."""
    import numpy as np
    import tensorflow as tf

    def texts(*values: bytes) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))

    def ints(*values: int) -> tf.train.Feature:
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    with tf.io.TFRecordWriter(str(out)) as writer:
        for number, file in enumerate(files):
            own = boxes[10 * number : 10 * number + 10]
            x, y, w, h = np.array([box["bbox"] for box in own]).T
            sides = {
                "xmin": x / _WIDTH_PX,
                "xmax": (x + w) / _WIDTH_PX,
                "ymin": y / _HEIGHT_PX,
                "ymax": (y + h) / _HEIGHT_PX,
            }
            floats = {f"bbox/{name}": values for name, values in sides.items()} | {"area": w * h}
            data = file.read_bytes()
            lists = {
                "image/height": ints(_HEIGHT_PX),
                "image/width": ints(_WIDTH_PX),
                "image/filename": texts(file.name.encode()),
                "image/source_id": texts(str(number + 1).encode()),
                "image/key/sha256": texts(hashlib.sha256(data).hexdigest().encode()),
                "image/encoded": texts(data),
                "image/format": texts(b"jpeg"),
                "image/object/class/text": texts(*(f"kind {box['category_id']}".encode() for box in own)),
                "image/object/is_crowd": ints(*(box["iscrowd"] for box in own)),
            }
            for name, values in floats.items():
                lists[f"image/object/{name}"] = tf.train.Feature(float_list=tf.train.FloatList(value=values))
            writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())


def work(what: str, folder: Path, out: Path) -> None:
    """Do one thing, once, and print the seconds that it took."""
    files = sorted((folder / "images").iterdir())
    begun = time.perf_counter()
    if what == "decode":
        _decode(files)
    elif what == "tensorflow":
        import tensorflow as tf  # noqa: F401  the seconds inside leave its import out

        table = json.loads((folder / "annotations" / "instances_bench.json").read_text())
        begun = time.perf_counter()
        _tensorflow(table["annotations"], files, out / "records")
    elif what in {"copy", "durable"}:
        _copy(files, out / "copy", durable=what == "durable")
    elif what == "sha256":
        hashing = _sha256(files)
        begun = time.perf_counter() - hashing
    else:
        import detbench

        convert = detbench.convert  # imported here, on first use, and not inside
        dataset = detbench.read_dataset(folder)
        limit = len(files) // 10 if what == "convert-tenth" else None
        begun = time.perf_counter()
        convert(dataset, out / "records", check_pictures=what != "convert-fast", limit=limit)
    print(time.perf_counter() - begun)  # noqa: T201  the parent reads it


def _measure(what: str, folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        try:
            done = run([sys.executable, __file__, "--work", what, "--folder", str(folder), "--out", out])
        except Failed as error:
            sys.exit(f"{what} failed: {error}")
        return {"whole": done.wall_s, "inside": float(done.output), "peak_mib": done.peak_mib}


def report(measured: dict[str, list[dict[str, float]]], images: int, total_mb: float, command: str) -> str:
    """Return the section of the page."""
    middle = {what: {key: median([run[key] for run in runs]) for key in runs[0]} for what, runs in measured.items()}
    hashing = total_mb / middle["sha256"]["inside"] / 1000
    lines = [
        "## Conversion",
        "",
        f"{images:,} JPEGs, {total_mb:,.0f} MB, ten boxes each; {machine()};",
        f"median of {len(measured['copy'])} interleaved runs, range in brackets.",
        f"Page cache warm. Load average at the end: {os.getloadavg()[0]:.1f}; other work on the machine",
        "takes more from what uses every core than from a copy, which uses one.",
        "",
        "“Inside” leaves out the start of Python, the imports and the reading of the annotations: it goes from tables",
        "in memory to files on the disk. What keeps a conversion below a plain copy's rate is that every shard gets a",
        f"SHA-256, which alone runs at {hashing:.1f} GB/s on one core here, that every record gets its checksums,",
        "and that Python's threads share one lock.",
        "",
        f"```\n{command}\n```",
        "",
        "| what | whole process, s | inside, s | images/s | MB/s | peak MiB |",
        "|---|---|---|---|---|---|",
    ]
    for what, title in _TITLES.items():
        runs = [run["inside"] for run in measured[what]]
        share = 0.1 if what == "convert-tenth" else 1.0
        inside = middle[what]["inside"]
        lines.append(
            f"| {title} | {middle[what]['whole']:.2f} | {median_and_range(runs)} "
            f"| {share * images / inside:,.0f} | {share * total_mb / inside:,.0f} | {middle[what]['peak_mib']:.0f} |"
        )
    ratios = {
        "rate without the check / rate of a plain copy (target 0.5)": ("copy", "convert-fast", "inside"),
        "rate without the check / rate of a durable copy": ("durable", "convert-fast", "inside"),
        "rate without the check / rate of TensorFlow's writer (target over 1)": (
            "tensorflow",
            "convert-fast",
            "inside",
        ),
        "the same, whole processes": ("tensorflow", "convert-fast", "whole"),
        "rate with the check / rate of decoding alone (target 0.9)": ("decode", "convert", "inside"),
    }
    lines += ["", "| ratio, median of the rounds' | |", "|---|---|"]
    for title, (slow, fast, key) in ratios.items():
        rounds = [a[key] / b[key] for a, b in zip(measured[slow], measured[fast], strict=True)]
        lines.append(f"| {title} | {median(rounds):.2f} |")
    growth = middle["convert"]["peak_mib"] / middle["convert-tenth"]["peak_mib"]
    lines.append(f"| peak memory, all images / a tenth of them | {growth:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Draw the set, measure in turns, and print the section or write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "detbench-convert-speed")
    parser.add_argument("--work", choices=[*_TITLES, "draw"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.work == "draw":
        draw(options.folder, options.images)
        return
    if options.work:
        work(options.work, options.folder, options.out)
        return

    def draw_apart(place: Path) -> None:
        """Draw in a process of its own: what it takes would be counted as every later one's."""
        run([sys.executable, __file__, "--work", "draw", "--folder", str(place), "--images", str(options.images)])

    folder = drawn(options.folder, Path(__file__), str(options.images), draw_apart)
    measured: dict[str, list[dict[str, float]]] = {what: [] for what in _TITLES}
    for turn in range(options.rounds + 1):
        for what, runs in measured.items():
            one = _measure(what, folder)
            if turn:  # the first round warms the page cache
                runs.append(one)
    total_mb = sum(file.stat().st_size for file in (folder / "images").iterdir()) / 1e6
    command = f"python tests/bench/convert_speed.py --images {options.images} --rounds {options.rounds}"
    section = report(measured, options.images, total_mb, command)
    print(section)  # noqa: T201  the result
    if options.write:
        write_section(options.write, "conversion", section)


if __name__ == "__main__":
    main()
