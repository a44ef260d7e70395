"""Commands that evaluate a decoder and show what came of it: evaluate, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mindglyph.cli.app import AsJson, Cluster, RunPath, Seed, Splits, StorePath, app, beside, going_on, listed, show
from mindglyph.cli.scoring import scored
from mindglyph.cli.watching import watching

if TYPE_CHECKING:
    from mindglyph.decoders.settings import DecodingSettings
    from mindglyph.evaluation import EvaluationSettings

AnyDecodingSettings = TypeVar("AnyDecodingSettings", bound="DecodingSettings")

Wishes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the decoder, such as training.max_epochs=5."),
]
Preparing = Annotated[
    list[str] | None,
    typer.Option("--preprocess", metavar="KEY=VALUE", help="A setting of the preprocessing, such as highpass=1."),
]
DecoderName = Annotated[
    str | None,
    typer.Option(help="Name of a decoder; 'mindglyph decoders' lists them. [default: default, or that of --settings]"),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="A YAML file of settings, as 'mindglyph tune' writes it; --set goes before it.",
    ),
]
CodeDimension = Annotated[
    int | None, typer.Option("--autoencoder", metavar="DIM", help="Decode from an auto-encoder's code of DIM channels.")
]
Balancing = Annotated[
    str, typer.Option(help="How classes of unequal size count the same in training: none, weights, over, under.")
]


def asked_decoding(
    kind: type[AnyDecodingSettings],
    command: str,
    wishes: list[str] | None,
    preparing: list[str] | None,
    dimension: int | None,
    file: Path | None = None,
    **others: Any,
) -> AnyDecodingSettings:
    """Return the settings of a decoding as a user asks for them.

    What stands in a file of settings holds unless an option says otherwise; `others`, of which
    `decoder` may be None, go in as they are.

    Parameters
    ----------
    kind : type
        The settings that are made, such as `EvaluationSettings`.
    command : str
        What the user called.
    wishes : list of str or None
        Each `setting=value`, of the decoder.
    preparing : list of str or None
        Each `setting=value`, of the preprocessing.
    dimension : int or None
        Size of the code that the decoder sees in place of the signals.
    file : Path, optional
        A file of settings.
    **others : object
        Other settings by name; None leaves what stands in the file.

    Returns
    -------
    settings
        Of the kind asked for.

    Raises
    ------
    UserError
        If a setting is unknown, or a value does not fit.
    """
    from mindglyph.decoders.settings import DecodingSettings, chosen_preprocessing, chosen_settings
    from mindglyph.decoders.settings_file import read_settings
    from mindglyph.errors import UserError
    from mindglyph.settings import checked_options

    asked = others.pop("decoder")
    found = DecodingSettings(decoder=asked or "default") if file is None else read_settings(file)
    if asked not in (None, found.decoder):
        raise UserError(f"{file}: holds settings of {found.decoder}, not of {asked}: leave out --decoder")
    if others.get("balance") == "none":
        others["balance"] = found.balance
    base = found.decoder_settings
    return checked_options(
        kind,
        command,
        decoder=found.decoder,
        decoder_settings={**base, **chosen_settings(found.decoder, wishes or [], base)},
        preprocessing=chosen_preprocessing(preparing or [], found.preprocessing),
        autoencoder=found.autoencoder if dimension is None else {"dimension": dimension},
        **others,
    )


@app.command("evaluate")
def evaluate_command(
    store: StorePath,
    decoder: DecoderName = None,
    file: SettingsFile = None,
    wishes: Wishes = None,
    preparing: Preparing = None,
    autoencoder: CodeDimension = None,
    balance: Balancing = "none",
    splits: Splits = None,
    folds: Annotated[int, typer.Option(help="Parts of the recording that are tested in turn.")] = 5,
    retrain: Annotated[
        int, typer.Option(min=0, help="Permutations of the labels with which the decoder is trained anew.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="The run's folder. [default: STORE.DECODER.run]")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train folds side by side.")] = 1,
    cluster: Cluster = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train and test a decoder on parts of the recording in turn, and say what the score is worth.

    A finished evaluation may be asked for further splits and for --retrain: what is done is not done again.

    Example: mindglyph evaluate mw.store --decoder lda --splits blocked,random
    """
    from mindglyph.evaluation import EvaluationSettings

    others: dict[str, Any] = {"decoder": decoder, "balance": balance, "folds": folds, "retrain": retrain, "seed": seed}
    if splits:
        others["splits"] = listed(splits)
    settings = asked_decoding(EvaluationSettings, "evaluate", wishes, preparing, autoencoder, file, **others)
    decoder = settings.decoder
    folder = out or beside(store, f"{decoder}.run")
    with going_on():
        metrics = run_evaluation(store, settings, folder, workers, cluster)
    show(metrics, as_json, f"{decoder} on {store.name}", scored(metrics) | {"run": str(folder)}, folder)


def run_evaluation(
    store: Path, settings: EvaluationSettings, folder: Path, workers: int = 1, cluster: str | None = None
) -> dict[str, Any]:
    """Evaluate with progress and return what `metrics.json` then holds."""
    from mindglyph.evaluation import evaluate
    from mindglyph.store import Store

    return evaluate(Store(store), settings, folder, workers, watching, cluster)


@app.command("report")
def report_command(
    run: RunPath,
    out: Annotated[Path | None, typer.Option(help="The page to write. [default: RUN/report.html]")] = None,
    as_json: AsJson = False,
) -> None:
    """Write one page that shows the verdict, the pictures and all that belongs to them.

    Example: mindglyph report mw.store.lda.run
    """
    page = run_report(run, out)
    show({}, as_json, run.name, {"report": f"{page} (open it in a browser)"}, page)


def run_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run and return where it is."""
    from mindglyph.evaluation import open_evaluation
    from mindglyph.report.page import write_report

    run, store, settings = open_evaluation(folder)
    path = out or folder / "report.html"
    write_report(path, run, store, settings)
    return path
