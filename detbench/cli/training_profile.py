"""``detbench train-baseline --profile``: where the time of a step goes, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from detbench.cli.console import print_json_text, say, stderr_held, stdout

if TYPE_CHECKING:
    from detbench.data.tables import Dataset
    from detbench.detectors.recipes.settings import Recipe
    from detbench.detectors.train.devices import Devices
    from detbench.detectors.train.step_times import StepTimes

__all__ = ["measure_and_show"]

#: The input alone should give so many times what training takes, or training will wait for it now and then.
_ENOUGH = 1.5


def measure_and_show(
    recipe: Recipe, train_set: Dataset, devices: Devices, how: dict[str, Any], *, as_json: bool
) -> None:
    """Measure a step of ``recipe`` on a dataset, and print what came out."""
    import msgspec

    with stderr_held():
        from detbench.detectors.train.building import How
        from detbench.detectors.train.step_times import profile

    times = profile(recipe, train_set, devices, How(**how))
    if as_json:
        print_json_text(msgspec.json.format(msgspec.json.encode(times), indent=1).decode())
    else:
        _show(times)


def _show(times: StepTimes) -> None:
    from rich import box
    from rich.table import Table

    from detbench.detectors.train.step_times import OPERATORS

    height, width = times.canvas_px
    facts = times.environment
    console = stdout()
    console.print(
        f"{times.recipe}: a batch of {times.batch_size} at {height} × {width} px on {facts['backend']}, "
        f"{facts['devices']}, {facts['precision']}"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("part")
    table.add_column("ms", justify="right")
    table.add_column("share", justify="right")
    for name, time_ms, share in times.rows():
        within = "  of which " if name in OPERATORS else ""
        table.add_row(within + name, f"{time_ms:.1f}", f"{share:.0%}")
    console.print(table)
    ratio = times.input_images_per_s / times.used_images_per_s
    console.print(
        f"a step of {times.median_ms('step'):.1f} ms takes {times.used_images_per_s:.1f} images/s; "
        f"the input alone gives {times.input_images_per_s:.1f}, {ratio:.1f} times as many"
    )
    if ratio < _ENOUGH:
        say("note: the input is hardly faster than training: training will wait for it where they share the processor")
