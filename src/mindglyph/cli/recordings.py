"""Commands that make trial stores: simulate, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mindglyph.cli.app import AsJson, Seed, app, progress, show
from mindglyph.errors import UserError

if TYPE_CHECKING:
    from mindglyph.simulation import SimulationSettings


@app.command("simulate")
def simulate_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The text file to write.")],
    format: Annotated[Literal["ep", "mw"], typer.Option(help="Headset and file layout.")] = "ep",
    events: Annotated[int, typer.Option(help="Number of trials.")] = 2000,
    ceiling: Annotated[
        float | None, typer.Option(help="Accuracy of the ideal observer; 0.1 plants no signal. [default: 0.6]")
    ] = None,
    picture_signal: Annotated[
        float, typer.Option(help="Share of the picture's components, beside its digit, that can be recovered.")
    ] = 0.0,
    confound: Annotated[
        Literal["drift"] | None, typer.Option(help="No signal, but digits in runs on a drifting recording.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write a recording with a planted signal whose limit is known.

    Example: mindglyph simulate EP.txt --format ep --events 5000 --ceiling 0.6
    """
    from mindglyph.settings import checked
    from mindglyph.simulation import SimulationSettings, truth_path

    settings = checked(
        SimulationSettings,
        "simulate",
        format=format,
        events=events,
        ceiling=ceiling if ceiling is not None else (0.1 if confound else 0.6),
        picture_signal=picture_signal,
        confound=confound,
        seed=seed,
    )
    truth = run_simulation(out, settings)
    limit = truth["ceiling"]
    rows = {
        "recording": f"{out} ({events:,} events, {out.stat().st_size / 1e6:.1f} MB)",
        "truth": str(truth_path(out)),
        "ideal observer": f"{limit['accuracy']:.1%} ± {limit['standard_error']:.1%} (chance {truth['chance']:.0%})",
    }
    summary = {key: value for key, value in truth.items() if key not in ("events", "digits", "pictures")}
    show(summary, as_json, "Simulated recording", rows)


def run_simulation(out: Path, settings: SimulationSettings) -> dict[str, Any]:
    """Write a simulated recording that shows the packaged pictures, with progress."""
    from mindglyph.images.sets import PACKAGED, load_digits
    from mindglyph.simulation import simulate

    digits = load_digits("train")
    with progress("simulate") as report:
        return simulate(out, settings, digits.images, digits.labels, PACKAGED, report)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A text file of MindBigData, 2014-15.")],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The folder to write.")],
    headset: Annotated[
        Literal["EP", "MW", "MU", "IN"] | None, typer.Option(help="The headset, if the file names several.")
    ] = None,
    accept_cut: Annotated[
        bool, typer.Option("--accept-cut", help="Take what is there of a file that ends in the middle of a row.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a recording into a trial store; rows that cannot be used are counted and kept aside.

    Example: mindglyph import MW.txt mw.store
    """
    result = run_import(file, store, headset, accept_cut)
    rows = {
        "rows": f"{result['rows_read']:,} read, {result['rows_kept']:,} kept, {result['rows_rejected']:,} rejected",
        "trials": f"{result['trials']:,}",
        "time": f"{result['seconds']:.1f} s for {result['megabytes']:.1f} MB",
    }
    for name, what in (
        ("trials_cut", "cut by a spreadsheet, but long enough"),
        ("trials_padded", "a little short, padded with their last value"),
        ("trials_with_decimal_comma", "written with the comma as decimal mark"),
    ):
        if result[name]:
            rows["trials"] += f"; {result[name]:,} of them {what}"
    for number, entry in enumerate(result["reasons"].values(), start=1):
        rows[f"rejected {number}"] = f"{entry['rows']:,} rows; line {entry['first_line']} {entry['example']}"
    show(result, as_json, f"{file.name} → {store}", rows)


def run_import(file: Path, store: Path, headset: str | None = None, accept_cut: bool = False) -> dict[str, Any]:
    """Import a recording with progress; a truth file beside it comes along."""
    from mindglyph.files import content_hash, read_json
    from mindglyph.headsets import HEADSETS
    from mindglyph.images.sets import shown_pictures
    from mindglyph.simulation import truth_path
    from mindglyph.sources.mindbigdata import detect_headset, read
    from mindglyph.store import write_store

    found = detect_headset(file)
    wanted = HEADSETS[headset] if headset else found
    truth = read_json(truth_path(file)) if truth_path(file).exists() else None
    if truth is not None and (not isinstance(truth, dict) or truth.get("sha256") != content_hash(file)):
        raise UserError(f"{truth_path(file)}: is not the truth of this recording: move it away, or simulate both anew")
    pictures = shown_pictures(truth) if truth is not None else None
    size = file.stat().st_size
    with progress("import") as report:
        chunks = read(file, wanted, accept_cut)
        return write_store(store, file, wanted, chunks, truth, pictures, lambda done: report(done, size))
