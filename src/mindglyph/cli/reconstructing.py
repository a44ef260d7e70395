"""`mindglyph reconstruct`: draws what was seen, and scores the pictures beside their controls."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindglyph.cli.app import AsJson, RunPath, app, going_on, progress, show

if TYPE_CHECKING:
    from mindglyph.images.generators import Generator
    from mindglyph.images.vae import ConditionalVAE
    from mindglyph.reconstruction import Kept, Reconstructions, ReconstructionSettings

_PERMUTATIONS = 2000
_DIGITS = tuple(str(digit) for digit in range(10))


@app.command("reconstruct")
def reconstruct_command(
    run: RunPath,
    store: Annotated[
        Path | None,
        typer.Argument(
            metavar="[STORE]",
            help="The run's own store, where that was moved; or, with a run of 'mindglyph train', the store to draw.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write. [default: RUN/pictures]")] = None,
    generator: Annotated[
        str, typer.Option(metavar="NAME_OR_FILE", help="vae, gan or flow, or a file of 'mindglyph images train'.")
    ] = "vae",
    mode: Annotated[
        str, typer.Option(help="label, image, or auto: image where the pictures shown are known.")
    ] = "auto",
    alignment: Annotated[
        list[str] | None,
        typer.Option(
            help="Ways to read the hand, among which the training trials choose: ridge, network, contrastive. "
            "May be given several times. [default: ridge and network]"
        ),
    ] = None,
    each: Annotated[int, typer.Option(help="Pictures of each digit that may have been seen.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Draw what was seen in every tested trial, and score the pictures beside their controls.

    Example: mindglyph reconstruct mw.store.lda.run --generator flow
    """
    from mindglyph.reconstruction import ReconstructionSettings
    from mindglyph.settings import checked_options

    wished = {} if alignment is None else {"alignment": alignment}
    settings = checked_options(ReconstructionSettings, "reconstruct", mode=mode, each=each, **wished)
    folder = out or run / "pictures"
    metrics = run_reconstruction(run, store, folder, generator, settings)
    show(metrics, as_json, f"Pictures of {run.name}", _rows(metrics["pictures"], folder), folder)


def run_reconstruction(
    run: Path,
    store: Path | None = None,
    out: Path | None = None,
    generator: str = "vae",
    settings: ReconstructionSettings | None = None,
) -> dict[str, Any]:
    """Draw with progress, write pictures and grids, and return the metrics, those of the run with them.

    What was drawn before the process was killed is not drawn again.

    Parameters
    ----------
    run : Path
        A run of an evaluation or of a training.
    store : Path, optional
        Where the store is, if not where it was.
    out : Path, optional
        The folder to write; by default `pictures` of the run.
    generator : str
        Name or file of what draws.
    settings : ReconstructionSettings, optional
        How.

    Returns
    -------
    dict
        What `metrics.json` of the pictures holds.
    """
    from mindglyph.cli.picturing import generator_of
    from mindglyph.files import write_json
    from mindglyph.reconstruction import ReconstructionSettings, unfinished
    from mindglyph.runs import Run

    settings = settings or ReconstructionSettings()
    folder = out or run / "pictures"
    model = generator_of(generator)
    drawing = _drawing(run, store, model, settings)
    with unfinished(folder, drawing.asked) as kept:
        scores = _scored(drawing, kept, folder, model)
        scores |= {
            "generator": generator,
            "labels": list(model.labels),
            "settings": settings.model_dump(mode="json"),
            # From the run's folder, so that both can be moved together.
            "folder": os.path.relpath(folder.resolve(), run.resolve() if run.is_dir() else run.resolve().parent),
        }
        write_json(folder / "metrics.json", scores)
        if not Run.exists(run):
            return {"pictures": scores}
        opened = Run.open(run)
        # Read and written again: an evaluation in the same folder must not do so meanwhile.
        with opened.held():
            return opened.add_metrics(pictures=scores)


def _scored(drawing: _Drawing, kept: Kept, folder: Path, model: Generator) -> dict[str, Any]:
    """Draw, write pictures and grids, and return their scores."""
    from mindglyph.evaluation import score_pictures
    from mindglyph.images.judge import packaged_judge
    from mindglyph.report.picture_grids import chosen_trials, write_grids, write_strip

    with going_on(), progress("draw") as report:
        pictures = drawing.draw(kept, report)
    pictures.save(folder / "pictures.npz")
    judge = packaged_judge() if model.labels == _DIGITS else None
    scores = score_pictures(pictures, judge, _PERMUTATIONS, drawing.seed, drawing.ceiling)
    chosen = chosen_trials(pictures)
    files = write_grids(folder, pictures, chosen, model.labels)
    if len(chosen["median"]):
        write_strip(folder / "strip.gif", pictures, int(chosen["median"][0]))
        files.append(folder / "strip.gif")
    return {**scores, "files": [file.name for file in files]}


@dataclass(frozen=True)
class _Drawing:
    """What is to be drawn.

    Attributes
    ----------
    asked : dict
        All that the pictures depend on.
    draw : callable
        Draws what was not kept.
    seed : int
        Of the permutations.
    ceiling : dict or None
        What the simulation says of the best guess.
    """

    asked: dict[str, Any]
    draw: Callable[[Kept, Callable[[int, int], None]], Reconstructions]
    seed: int
    ceiling: dict[str, Any] | None


def _drawing(run: Path, store: Path | None, model: Generator, settings: ReconstructionSettings) -> _Drawing:
    """Return what is to be drawn of a run, or by the decoder of a training."""
    from mindglyph import __version__
    from mindglyph.evaluation import evaluated_trials, open_evaluation
    from mindglyph.files import content_hash
    from mindglyph.reconstruction import PictureBank, Reconstructor, draw_trials, reconstruct_run
    from mindglyph.runs import Run
    from mindglyph.store import Store
    from mindglyph.training import is_training, least_confidence, trained_pipeline, unlearned_trials

    encoder = _encoder(model)
    asked: dict[str, Any] = {
        "version": __version__,
        "settings": settings.model_dump(mode="json"),
        "generator": model.fingerprint(),
        "encoder": None if encoder is None else encoder.fingerprint(),
    }
    if is_training(run):
        opened = _named(store, run)

        def draw(kept: Kept, report: Callable[[int, int], None]) -> Reconstructions:
            bank = kept.bank(lambda: PictureBank.draw(model, encoder, settings.each, settings.seed))
            drawn = kept.fold(
                0,
                bank,
                lambda: draw_trials(
                    trained_pipeline(run),
                    unlearned_trials(run, opened),
                    model,
                    Reconstructor(bank, encoder, settings),
                    least_confidence(run),
                ),
            )
            report(1, 1)
            return drawn

        asked["decoder"] = content_hash(run) if run.is_file() else Run.open(run).metrics.get("files")
        asked["content_hash"] = opened.about["content_hash"]
        return _Drawing(asked, draw, settings.seed, _ceiling(opened))

    evaluation, opened, evaluated = open_evaluation(run, None if store is None else Store(store))
    trials = evaluated_trials(opened)
    folds, plan = evaluation.folds(evaluated.split), evaluated.plan(trials)
    asked["evaluation"] = evaluated.model_dump(mode="json")
    asked["decoders"] = [folds.about(number) for number in range(len(plan))]
    asked["content_hash"] = opened.about["content_hash"]
    return _Drawing(
        asked,
        lambda kept, report: reconstruct_run(folds, trials, plan, model, encoder, settings, report, kept),
        evaluated.seed,
        _ceiling(opened),
    )


def _named(store: Path | None, run: Path) -> Any:
    from mindglyph.errors import UserError
    from mindglyph.store import Store
    from mindglyph.training import trained_pipeline

    if store is None:
        # What is no decoder is said to be none, whatever else is asked for.
        trained_pipeline(run)
        raise UserError(f"{run}: is a training, and draws another recording: name its store after the run")
    return Store(store)


def _ceiling(store: Any) -> dict[str, Any] | None:
    truth = store.truth
    return None if truth is None else truth["ceiling"]


def _encoder(model: Generator) -> ConditionalVAE | None:
    """Return what reads the hand of the generator's pictures: itself, or the packaged one if they are digits."""
    from mindglyph.images.vae import ConditionalVAE, packaged_vae

    if isinstance(model, ConditionalVAE):
        return model
    return packaged_vae() if model.labels == _DIGITS else None


def _rows(scores: dict[str, Any], folder: Path) -> dict[str, str]:
    from mindglyph.evaluation.verdict import gain_sentence

    accepted, judge, permutations = scores["accepted"], scores["judge"], scores.get("permutations")
    rows = {"drawn": f"{accepted['n']:,} of {scores['n_test']:,} trials"}
    if accepted["n"] < scores["n_test"]:
        rows["drawn"] += "; in the others the decoder is no more confident than where it is no better than a guess"
    if judge is not None:
        rows["judge"] = f"reads the digit shown in the likeliest picture of {_with_controls(judge, permutations)}"
    if scores["seen_known"]:
        for n_way, found in scores["identification"].items():
            rows[f"among {n_way}"] = f"the picture seen is found in {_with_controls(found, permutations)}"
        for n_way, found in scores["within_digit"].items():
            rows[f"among {n_way}, same digit"] = f"the picture seen is found in {_with_controls(found, permutations)}"
        likeness = scores["similarity"]
        best = likeness["correlation"].get("ceiling")
        rows["likeness"] = (
            f"pixel correlation {likeness['correlation']['drawn']:.3f} (label only "
            f"{likeness['correlation']['label_only']:.3f}{'' if best is None else f', best possible {best:.3f}'}), "
            f"SSIM {likeness['ssim']['drawn']:.3f} ({likeness['ssim']['label_only']:.3f}), "
            f"mean squared error {likeness['mse']['drawn']:.4f} ({likeness['mse']['label_only']:.4f})"
        )
        if (gain := gain_sentence(scores)) is not None:
            rows["gain"] = gain
    else:
        rows["identification"] = "not possible: the recording does not say which picture was shown"
    return rows | {"pictures": f"{folder} ({', '.join(['pictures.npz', *scores['files']])})"}


def _with_controls(score: dict[str, Any], permutations: int | None) -> str:
    from mindglyph.evaluation.verdict import p_text

    return (
        f"{score['drawn']:.1%} (chance {score['chance']:.0%}, p {p_text(score['p_value'], permutations)}; label only "
        f"{score['label_only']:.1%}, shuffled EEG {score['shuffled']:.1%}, class mean {score['class_mean']:.1%})"
    )
