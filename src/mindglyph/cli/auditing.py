"""`mindglyph audit`: the ways in which the data could lie, before anything is trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from mindglyph.cli.app import AsJson, Seed, Splits, StorePath, app, listed, progress, say

if TYPE_CHECKING:
    from mindglyph.evaluation.audit import Audit


@app.command("audit")
def audit_command(
    store: StorePath,
    splits: Splits = None,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit status 1 where something fails.")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Look for the ways in which the data could lie: labels that follow time, copies, leaks of the split.

    Example: mindglyph audit mw.store --splits blocked,random
    """
    from mindglyph.store import Store

    # What is no store is said before the rest is loaded, which takes seconds.
    opened = Store(store)
    from mindglyph.evaluation.audit import audit_store, plans_of

    plans = plans_of(opened, listed(splits) or ["blocked"], folds, seed=seed)
    with progress("audit") as report:
        found = audit_store(opened, plans, report, seed)
    if as_json:
        say(json.dumps(found.as_dict()))
    else:
        _show(found)
    if strict and found.fails:
        raise typer.Exit(1)


def _show(found: Audit) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    say(found.summary)
    looked_at = "" if found.looked_at == found.trials else f", the signals of {found.looked_at:,} looked at"
    title = f"{found.store}: {found.evaluated:,} trials to decode of {found.trials:,}{looked_at}"
    table = Table(title=Text(title), title_justify="left")
    for name in ("level", "about", "figure", "why it matters, and what to do"):
        table.add_column(name, no_wrap=name == "level")
    for finding in found.findings:
        # What a file held is text, whatever brackets stand in it.
        sentences = f"{finding.why} {finding.mend}".rstrip()
        table.add_row(
            *map(Text, (finding.level, finding.about, finding.figure, sentences)), end_section=finding.level != "ok"
        )
    Console().print(table)
