"""`mindglyph demo`: the main job from end to end, on a simulated recording."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from mindglyph.cli.app import AsJson, Seed, app, remark, show
from mindglyph.cli.decoding import run_evaluation, run_report
from mindglyph.cli.reconstructing import run_reconstruction
from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.errors import UserError

_MARKER = "demo.json"
_FEWEST_EVENTS = 300


@app.command("demo")
def demo_command(
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("mindglyph-demo"),
    events: Annotated[int, typer.Option(help="Number of simulated trials.")] = 5000,
    ceiling: Annotated[float, typer.Option(help="Accuracy of the ideal observer; 0.1 plants no signal.")] = 0.8,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Simulate a recording, import it, decode it, draw what was seen, and write the report.

    Example: mindglyph demo --ceiling 0.1
    """
    from mindglyph.evaluation import EvaluationSettings
    from mindglyph.files import write_json
    from mindglyph.runs import Run
    from mindglyph.settings import checked_options
    from mindglyph.simulation import SimulationSettings

    start = time.perf_counter()
    # Without a signal for the digit there is to be none for the picture either.
    picture_signal = 0.3 if ceiling > 0.1 else 0.0
    simulation = checked_options(
        SimulationSettings,
        "demo",
        format="ep",
        events=events,
        ceiling=ceiling,
        picture_signal=picture_signal,
        seed=seed,
    )
    evaluation = EvaluationSettings(decoder="evoked", seed=seed)
    if events < _FEWEST_EVENTS:
        raise UserError(f"demo: {events} events are too few to show anything: take at least {_FEWEST_EVENTS}")
    _clear(out)
    write_json(out / _MARKER, {"simulation": simulation.model_dump(), "evaluation": evaluation.model_dump(mode="json")})
    recording, store, folder = out / "EP-simulated.txt", out / "store", out / "run"
    run_simulation(recording, simulation)
    run_import([recording], store)
    run_evaluation(store, evaluation, folder)
    metrics = run_reconstruction(folder)
    report = run_report(folder)
    metrics = Run(folder).add_metrics(seconds=round(time.perf_counter() - start, 1))
    write_json(out / "metrics.json", metrics)
    found = metrics["pictures"]["identification"]["10"]
    rows = {
        "verdict": metrics["verdict"],
        "pictures": f"the one seen is found among 10 in {found['drawn']:.1%} (chance {found['chance']:.0%}, label only "
        f"{found['label_only']:.1%}, shuffled EEG {found['shuffled']:.1%}, class mean {found['class_mean']:.1%})",
        "time": f"{metrics['seconds']:.0f} s",
        "report": f"{report} (open it in a browser)",
    }
    show(metrics, as_json, "Demo on simulated data", rows, out)


def _clear(out: Path) -> None:
    """Remove an earlier demo's folder; refuse any other."""
    if (out / _MARKER).is_file():
        remark(f"replacing the earlier demo in {out}")
        shutil.rmtree(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: exists and holds no earlier demo: name another folder with --out")
