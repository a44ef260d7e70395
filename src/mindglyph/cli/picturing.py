"""`mindglyph images`: generators of pictures are trained on a user's own set, and drawn from."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindglyph.cli.app import AsJson, Seed, StoppedError, app, progress, remark, say, show
from mindglyph.cli.watching import watching

if TYPE_CHECKING:
    from mindglyph.images.generators import Generator
    from mindglyph.images.own_sets import LabelledPictures

images = typer.Typer(
    help="Train generators of pictures on a set of your own, and draw with them.\n\n"
    "Example: mindglyph images train --set my-digits",
    invoke_without_command=True,
)
app.add_typer(images, name="images")


@images.callback()
def before_images(context: typer.Context) -> None:
    """Show the commands where none is given."""
    if context.invoked_subcommand is None:
        say(context.get_help())


@images.command("train")
def train_command(
    pictures: Annotated[
        Path,
        typer.Option(
            "--set",
            metavar="FOLDER_OR_IDX",
            help="idx files (gzipped or not), or a folder with a subfolder of PNG files for each label.",
        ),
    ],
    generator: Annotated[str, typer.Option(help="vae, gan or flow.")] = "vae",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the pictures. [default: the generator's]")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write. [default: SET.GENERATOR.safetensors]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train a generator on labelled pictures, which are made grey and 28 × 28.

    Ctrl-C stops it and keeps what is done; the same command with --resume goes on, to the same result.

    Example: mindglyph images train --set my-digits --generator gan
    """
    from mindglyph.images.conditions import Condition
    from mindglyph.images.own_sets import read_pictures

    path = out or pictures.resolve().with_name(f"{pictures.resolve().name}.{generator}.safetensors")
    unfinished = path.with_name(f"{path.name}.unfinished")
    generator_of = _settings(generator, epochs)
    _may_begin(path, unfinished, resume)
    with progress("read") as report:
        found = read_pictures(pictures, report)
    settings = generator_of.model_copy(update={"n_classes": len(found.labels)})
    model = settings.build()
    model.labels = found.labels
    if found.inverted:
        remark("the pictures are dark on a bright ground: they are turned round")
    start = time.perf_counter()
    condition = Condition.of_labels(found.codes, len(found.labels))
    try:
        with watching("train") as watch:
            report_epoch = _epochs(watch.epoch, settings.training.epochs)
            history = model.fit(found.images, condition, seed, report_epoch, unfinished)
            watch.step(1, 1)
    except StoppedError:
        raise StoppedError(f"what is done is kept in {unfinished}: go on with the same command and --resume") from None
    model.save(path)
    _remove(unfinished)
    result = {
        "generator": generator,
        "labels": list(found.labels),
        "pictures": len(found.images),
        "epochs": len(history),
        "loss": history,
        "seconds": round(time.perf_counter() - start, 1),
        "seed": seed,
    }
    show(result, as_json, f"{generator} trained on {pictures.name}", _rows(result, found, path), path)


@images.command("sample")
def sample_command(
    generator: Annotated[
        str, typer.Option(metavar="NAME_OR_FILE", help="vae, gan or flow, or a file of 'mindglyph images train'.")
    ] = "flow",
    label: Annotated[
        list[str] | None, typer.Option(help="What to draw, once for each label. [default: all labels]")
    ] = None,
    mixture: Annotated[
        str | None, typer.Option(help="Draw a row of undecided pictures instead, such as '3=0.7,8=0.3'.")
    ] = None,
    each: Annotated[int, typer.Option(min=1, max=100, help="Pictures a row.")] = 10,
    out: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("pictures.png"),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Draw a grid of pictures, a row for each label.

    Example: mindglyph images sample --generator gan --label 3 --label 8 --out digits.png
    """
    import numpy as np

    from mindglyph.images.grids import write_grid

    model = generator_of(generator)
    names, shares = _conditions(model.labels, label, mixture)
    start = time.perf_counter()
    drawn = model.sample(shares.repeat(each, axis=0), np.random.default_rng(seed))
    seconds = time.perf_counter() - start
    write_grid(out, drawn, each)
    result: dict[str, Any] = {
        "generator": generator,
        "rows": names,
        "pictures": len(drawn),
        "seconds": round(seconds, 2),
        "seed": seed,
    }
    rows = {"rows": ", ".join(names), "pictures": f"{len(drawn)} in {seconds:.2f} s", "file": str(out)}
    show(result, as_json, f"Drawn by {generator}", rows, out)


def _settings(generator: str, epochs: int | None) -> Any:
    from mindglyph.images.registry import generator_settings

    settings = generator_settings(generator)
    if epochs is None:
        return settings
    training = settings.training.model_copy(update={"epochs": epochs})
    return settings.model_copy(update={"training": training})


def generator_of(name: str) -> Generator:
    """Return a generator of the package by its name, or of a file."""
    from mindglyph.images.registry import GENERATORS, load_generator, packaged_generator

    if name in GENERATORS:
        return packaged_generator(name)
    path = Path(name)
    if not path.exists():
        from mindglyph.errors import UserError

        raise UserError(f"{name}: no such generator and no such file: name one of {', '.join(GENERATORS)} or a file")
    return load_generator(path)


def _conditions(labels: tuple[str, ...], wanted: list[str] | None, mixture: str | None) -> tuple[list[str], Any]:
    """Return the name of each row, and its probabilities (n_rows, n_classes)."""
    import numpy as np

    from mindglyph.errors import UserError

    places = {label: place for place, label in enumerate(labels)}
    if mixture is not None and wanted:
        raise UserError("--label and --mixture say two things: give one of them")
    parts = [(mixture, _shares(mixture))] if mixture is not None else [(name, {name: 1.0}) for name in wanted or labels]
    table = np.zeros((len(parts), len(labels)), dtype=np.float32)
    for row, (_, shares) in enumerate(parts):
        for name, share in shares.items():
            if name not in places:
                raise UserError(f"this generator does not draw '{name}': choose of {', '.join(labels)}")
            table[row, places[name]] = share
    return [name for name, _ in parts], table


def _shares(mixture: str) -> dict[str, float]:
    """Return the share of each label in text such as '3=0.7,8=0.3', which need not sum to one."""
    from mindglyph.errors import UserError

    shares: dict[str, float] = {}
    for part in mixture.split(","):
        name, _, value = part.partition("=")
        try:
            shares[name.strip()] = float(value)
        except ValueError:
            shares[name.strip()] = math.nan
    total = sum(shares.values())
    if not (math.isfinite(total) and total > 0 and min(shares.values()) >= 0):
        raise UserError(f"--mixture {mixture}: is no list of shares: write for example 3=0.7,8=0.3")
    return {name: value / total for name, value in shares.items()}


def _may_begin(path: Path, unfinished: Path, resume: bool) -> None:
    from mindglyph.errors import UserError

    if path.exists():
        raise UserError(f"{path}: exists: name another file with --out, or remove it")
    if unfinished.exists() and not resume:
        raise UserError(f"{unfinished}: an unfinished training is kept there: go on with --resume, or remove it")
    if resume and not unfinished.exists():
        remark(f"no training was begun in {unfinished}: it begins now")


def _epochs(tell: Any, epochs: int) -> Any:
    """Return what a generator reports to, and shows it as a decoder's training is shown."""
    from mindglyph.decoders.monitor import Progress

    def report(epoch: int, loss: float) -> None:
        tell(Progress("", epoch + 1, epochs, loss, math.nan, math.nan))

    return report


def _remove(unfinished: Path) -> None:
    """Remove the state of a training that is done, and nothing else that may lie there."""
    from mindglyph.images.generator_training import FILE

    (unfinished / FILE).unlink(missing_ok=True)
    if not any(unfinished.iterdir()):
        unfinished.rmdir()


def _rows(result: dict[str, Any], found: LabelledPictures, path: Path) -> dict[str, str]:
    labels = ", ".join(found.labels[:12]) + (", …" if len(found.labels) > 12 else "")
    return {
        "pictures": f"{result['pictures']:,} of {len(found.labels)} labels: {labels}",
        "epochs": str(result["epochs"]),
        "loss": f"{result['loss'][0]:.3f} at first, {result['loss'][-1]:.3f} in the end",
        "time": f"{result['seconds']:.1f} s",
        "file": str(path),
    }
