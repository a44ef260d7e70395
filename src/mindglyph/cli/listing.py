"""`mindglyph decoders`: what can be trained, where it comes from and how large it is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mindglyph.cli.app import AsJson, app, progress, show
from mindglyph.headsets import HeadsetCode


@app.command("decoders")
def decoders_command(
    headset: Annotated[HeadsetCode, typer.Option(help="Headset whose trials set the sizes.")] = "ep",
    classes: Annotated[int, typer.Option(min=2, help="Labels to tell apart.")] = 10,
    zoo: Annotated[
        bool, typer.Option("--zoo", help="Try braindecode's networks too, and list those that take such trials.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the decoders, where each comes from, and how many numbers it learns.

    Example: mindglyph decoders --headset mw
    """
    from mindglyph.headsets import HEADSETS

    device = HEADSETS[headset.upper()]
    found = _sizes((len(device.channels), device.n_times), device.sfreq, classes, zoo)
    rows = {name: _row(entry) for name, entry in {**found["decoders"], **(found["zoo"] or {})}.items()}
    if not zoo:
        rows["zoo:NAME"] = "A classifier of braindecode, such as zoo:EEGNet (needs the extra 'zoo'; --zoo lists them)"
    size = f"{len(device.channels)} x {device.n_times} samples"
    title = f"Decoders, their sizes for {device.name} ({size}) and {classes} classes"
    show({"headset": headset, "classes": classes, **found}, as_json, title, rows)


def _sizes(shape: tuple[int, int], sfreq: float, n_classes: int, zoo: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from mindglyph.decoders.registry import DECODERS, decoder_settings
    from mindglyph.decoders.sizes import n_parameters, zoo_networks

    own = {
        name: {
            "line": entry.line,
            "source": entry.source,
            "parameters": n_parameters(decoder_settings(name).build(sfreq), shape, n_classes),
        }
        for name, entry in DECODERS.items()
    }
    others = None
    if zoo:
        with progress("try networks") as report:
            others = {name: asdict(entry) for name, entry in zoo_networks(shape, n_classes, sfreq, report).items()}
    return {"shape": list(shape), "sfreq": sfreq, "decoders": own, "zoo": others}


def _row(entry: dict[str, Any]) -> str:
    size = "as many as the data ask for" if entry["parameters"] is None else f"{entry['parameters']:,}"
    return f"{entry['line']}\nparameters: {size}; source: {entry['source']}"
