"""Commands that make trial stores: simulate, import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mindglyph.cli.app import AsJson, Cluster, Seed, app, progress, remark, show
from mindglyph.errors import UserError
from mindglyph.headsets import HeadsetCode, SimulatedFormat

_LISTS_OF_TRUTH = ("events", "digits", "words", "pictures", "sessions")

if TYPE_CHECKING:
    from mindglyph.simulation import SimulationSettings
    from mindglyph.sources.recording import ImportSettings


@app.command("simulate")
def simulate_command(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file to write; a folder for imagenet.")],
    format: Annotated[SimulatedFormat, typer.Option(help="The published format, and with it the headset.")] = "ep",
    headset: Annotated[
        HeadsetCode | None, typer.Option(help="Headset of hf2022, which four share. [default: ep]")
    ] = None,
    events: Annotated[int, typer.Option(help="Number of trials, those without a digit among them.")] = 2000,
    ceiling: Annotated[
        float | None, typer.Option(help="Accuracy of the ideal observer; 0.1 plants no signal. [default: 0.6]")
    ] = None,
    picture_signal: Annotated[
        float, typer.Option(help="Share of the picture's components, beside its digit, that can be recovered.")
    ] = 0.0,
    confound: Annotated[
        Literal["drift"] | None, typer.Option(help="No signal, but digits in runs on a drifting recording.")
    ] = None,
    sessions: Annotated[int, typer.Option(help="Number of sessions, each with its own level and gain.")] = 1,
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Spoil some trials: blinks, muscle, line noise, dead channels.")
    ] = False,
    rest: Annotated[float, typer.Option(help="Share of trials of code -1; in ep, mw, mu, in.")] = 0.0,
    person: Annotated[
        int | None, typer.Option(min=0, help="Seed of the person, whom other headsets may see too. [default: --seed]")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Write a recording with a planted signal whose limit is known, in a published format.

    Example: mindglyph simulate EP.txt --format ep --events 5000 --ceiling 0.6
    """
    from mindglyph.settings import checked_options
    from mindglyph.simulation import SimulationSettings
    from mindglyph.simulation.settings import FORMATS_WITH_SESSIONS

    settings = checked_options(
        SimulationSettings,
        "simulate",
        format=format,
        headset=headset,
        events=events,
        ceiling=ceiling if ceiling is not None else (0.1 if confound else 0.6),
        picture_signal=picture_signal,
        confound=confound,
        sessions=sessions,
        artifacts=artifacts,
        rest=rest,
        person=person,
        seed=seed,
    )
    if sessions > 1 and format not in FORMATS_WITH_SESSIONS:
        remark(
            f"mindglyph: {format} says of no trial in which session it was, so 'evaluate --splits session' cannot be "
            f"tried: --format {' or '.join(FORMATS_WITH_SESSIONS)} does"
        )
    truth = run_simulation(out, settings)
    summary = {key: value for key, value in truth.items() if key not in _LISTS_OF_TRUTH}
    if artifacts:
        summary["artifacts"] = _spoilt(truth["artifacts"])
    show(summary, as_json, "Simulated recording", _simulation_rows(out, summary), out)


def _spoilt(found: dict[str, Any]) -> dict[str, int]:
    dead = [event for events in found["dead_channel"].values() for event in events]
    return {kind: len(events) for kind, events in (found | {"dead_channel": dead}).items()}


def _simulation_rows(out: Path, summary: dict[str, Any]) -> dict[str, str]:
    from mindglyph.simulation import truth_path

    files = list(out.iterdir()) if out.is_dir() else [out]
    size = sum(file.stat().st_size for file in files) / 1e6
    limit, spoilt = summary["ceiling"], summary.get("artifacts")
    rows = {
        "recording": f"{out} ({summary['settings']['events']:,} events, {size:.1f} MB)",
        "truth": str(truth_path(out)),
        "ideal observer": f"{limit['accuracy']:.1%} ± {limit['standard_error']:.1%} (chance {summary['chance']:.0%})",
    }
    if spoilt is not None:
        rows["ideal observer"] += ", without the artifacts"
        rows["spoilt events"] = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in spoilt.items())
    return rows


def run_simulation(out: Path, settings: SimulationSettings) -> dict[str, Any]:
    """Write a simulated recording that shows the packaged pictures, with progress."""
    from mindglyph.images.sets import PACKAGED, load_digits
    from mindglyph.simulation import simulate

    digits = load_digits("train")
    with progress("simulate") as report:
        return simulate(out, settings, digits.images, digits.labels, PACKAGED, report, digits.index)


@app.command("formats")
def formats_command(as_json: AsJson = False) -> None:
    """List the file formats that can be imported.

    Example: mindglyph formats
    """
    from mindglyph.sources.formats import FORMATS

    lines = {known.name: known.line for known in FORMATS}
    show(lines, as_json, "Formats", lines)


@app.command("import")
def import_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="A recording: a file, a folder of files, or several files.")
    ],
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The folder to write.")],
    format: Annotated[
        str | None, typer.Option(help="The file format; without it the content says. 'mindglyph formats' lists them.")
    ] = None,
    accept_cut: Annotated[
        bool, typer.Option("--accept-cut", help="Take what is there of a file that ends in the middle of a row.")
    ] = False,
    microvolts: Annotated[
        float | None, typer.Option(help="Microvolts in one step of the values, where the makers' figure is not meant.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="Table of events of a continuous recording: onset (s) or sample, and label.")
    ] = None,
    code: Annotated[
        str | None, typer.Option(help=r"Which annotations are events, such as 'digit/(\d)'; the group is the label.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="The EEG stream of an XDF file that holds several.")] = None,
    stimulus: Annotated[str | None, typer.Option(help="Channel whose steps mark the events.")] = None,
    tmin: Annotated[
        float | None, typer.Option(help="Where a trial begins, in s after its event. [default: -0.1]")
    ] = None,
    tmax: Annotated[float | None, typer.Option(help="Where a trial ends, in s after its event. [default: 0.8]")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read several files side by side.")] = 1,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Read a recording into a trial store; rows that cannot be used are counted and kept aside.

    Example: mindglyph import MW.txt mw.store
    """
    from mindglyph.settings import checked_options
    from mindglyph.sources.recording import ImportSettings

    settings = checked_options(
        ImportSettings,
        "import",
        format=format,
        accept_cut=accept_cut,
        microvolts=microvolts,
        events=events,
        code=code,
        stimulus=stimulus,
        stream=stream,
        tmin=tmin,
        tmax=tmax,
    )
    result = run_import(files, store, settings, workers, cluster)
    rows = _import_rows(result, several=len(files) > 1 or files[0].is_dir())
    show(result, as_json, f"{', '.join(file.name for file in files)} → {store}", rows, store)


def _import_rows(result: dict[str, Any], several: bool) -> dict[str, str]:
    rows = {
        "seen": result["seen"],
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
        where = f"{entry['file']}, line {entry['first_line']}" if several else f"line {entry['first_line']}"
        rows[f"rejected {number}"] = f"{entry['rows']:,} rows; {where} {entry['example']}"
    for number, warning in enumerate(result["warnings"], start=1):
        rows[f"warning {number}"] = warning
    return rows


def run_import(
    files: list[Path],
    store: Path,
    settings: ImportSettings | None = None,
    workers: int = 1,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Import a recording with progress; a truth file beside it comes along."""
    from mindglyph.compute import check_place
    from mindglyph.images.sets import shown_pictures
    from mindglyph.sources.formats import recognise
    from mindglyph.store import layout, write_store

    for file in files:
        if (file / layout.MARKER).is_file():
            raise UserError(
                f"{file}: is a store already: name it where one is asked, as in 'mindglyph evaluate {file}'"
            )
    check_place(workers, cluster)
    recording = recognise(files[0] if len(files) == 1 else files, settings)
    truth = _truth_of(files[0]) if len(files) == 1 else None
    pictures = shown_pictures(truth) if truth is not None else None
    with progress("import") as report:
        result = write_store(
            store, recording, truth, pictures, lambda done: report(done, recording.size), workers, cluster
        )
        report(recording.size, recording.size)
        return result


def _truth_of(file: Path) -> dict[str, Any] | None:
    """Return the truth of a simulated recording, made sure that it is of this one."""
    from mindglyph.files import content_hash, read_json
    from mindglyph.simulation import truth_path

    path = truth_path(file)
    if not path.exists():
        return None
    truth = read_json(path)
    if not isinstance(truth, dict) or truth.get("sha256") != content_hash(file):
        raise UserError(f"{path}: is not the truth of this recording: move it away, or simulate both anew")
    return truth
