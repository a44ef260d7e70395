"""The commands' common part: the application, options that mean the same everywhere, errors."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import mindglyph
from mindglyph.errors import UserError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

app = typer.Typer(
    name="mindglyph",
    help="Decode the digit that was seen from an EEG recording, draw it, and say how far to believe it.",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_COMMANDS = (
    "fetching",
    "recordings",
    "inspecting",
    "auditing",
    "listing",
    "decoding",
    "benchmarking",
    "reconstructing",
    "training",
    "picturing",
    "tuning",
    "demo",
)
"""Modules that hold the commands, in the order of the path of the data."""

_UsageError: Any = typer.BadParameter.__base__
"""What typer raises where a command line cannot be understood: click's own, or of the copy that typer carries."""

_QUIET = ContextVar("quiet", default=False)
"""Whether this call of the command line shows results and errors only."""


class StoppedError(Exception):
    """Long work was stopped by Ctrl-C; typer would end such a one without a word. Its text says how to go on."""


Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="A trial store made by 'mindglyph import'.")]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="SCHEDULER",
        help="A Dask scheduler whose workers do the work, not this machine: tcp://HOST:8786, or its scheduler file.",
    ),
]
Splits = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,...",
        help="How trials are divided: blocked, session, subject; random, a leak, only beside one of these. "
        "[default: blocked]",
    ),
]
RunPath = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder made by 'mindglyph evaluate'.")]


@app.callback()
def before_all(
    context: typer.Context,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what libraries log, and all of their warnings.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show results and errors only: no progress, remarks or warnings.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Show which version this is.")] = False,
) -> None:
    """Set what is shown beside the results; without a command, show the way from a recording to a report."""
    if verbose and quiet:
        raise UserError("--verbose and --quiet: give one of them")
    _QUIET.set(quiet)
    if verbose or quiet:
        import logging
        import warnings

        warnings.simplefilter("default" if verbose else "ignore")
        logging.basicConfig(level=logging.INFO if verbose else logging.ERROR)
    if version:
        say(f"mindglyph {mindglyph.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        say(_path_of_work(context))


def _path_of_work(context: typer.Context) -> str:
    """Return a line for each command, in the order of the path of the data."""
    formatter = context.make_formatter()
    formatter.write_text("The path of the data, from a recording to what it is worth:")
    formatter.write_paragraph()
    commands = context.command.commands.items()  # type: ignore[attr-defined]
    with formatter.indentation():
        formatter.write_dl([(name, (command.help or "").split("\n")[0]) for name, command in commands])
    formatter.write_paragraph()
    formatter.write_text(
        "'mindglyph COMMAND --help' shows the options and an example, 'mindglyph demo' all of it at once."
    )
    return str(formatter.getvalue()).rstrip()


def say(text: str) -> None:
    """Print a line of the result on stdout."""
    sys.stdout.write(f"{text}\n")


def remark(text: str) -> None:
    """Print a line beside the result, on stderr."""
    if _QUIET.get():
        return
    sys.stderr.write(f"{text}\n")


def import_commands() -> None:
    """Let each module add its commands to the application."""
    for module in _COMMANDS:
        import_module(f"mindglyph.cli.{module}")


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    import_commands()
    try:
        sys.exit(app(standalone_mode=False))
    except UserError as error:
        sys.stderr.write(f"mindglyph: {' '.join(str(error).split())}\n")
        sys.exit(2)
    except _UsageError as error:
        sys.stderr.write(f"mindglyph: {_misunderstood(error)}\n")
        sys.exit(2)
    except OSError as error:
        # Whoever writes says where; what slips through is at least said in one line.
        from mindglyph.files import is_full

        if not is_full(error):
            raise
        where = error.filename or "a disk"
        sys.stderr.write(f"mindglyph: {where}: {error.strerror}: free space and give the command again\n")
        sys.exit(2)
    except (KeyboardInterrupt, StoppedError) as stopped:
        sys.stderr.write(f"mindglyph: stopped{'; ' if str(stopped) else ''}{stopped}\n")
        sys.exit(130)


def _misunderstood(error: Any) -> str:
    """Return in a line what is wrong with a command line, and where to look."""
    names: list[str] = []
    context = error.ctx
    while context is not None and context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    message = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    if re.search(r"No such option: (-q|-v|--quiet|--verbose)$", message):
        flag = message.split()[-1]
        return f"{' '.join(names)}: put {flag} before the command: 'mindglyph {flag} {' '.join(names)} …'"
    mark = "" if message.endswith("?") else ":"
    return f"{' '.join(names)}{': ' if names else ''}{message}{mark} see '{' '.join(['mindglyph', *names])} --help'"


def listed(given: Sequence[str] | None) -> list[str]:
    """Return the names in an option that takes several, with commas between them or given several times, each once."""
    names = (name.strip() for text in given or () for name in text.split(","))
    return list(dict.fromkeys(name for name in names if name))


def beside(store: Path, ending: str) -> Path:
    """Return where what is made of a store stands by default: beside it, under its name."""
    whole = store.resolve()
    return whole.with_name(f"{whole.name}.{re.sub(r'[^A-Za-z0-9.-]', '-', ending)}")


@contextmanager
def bar_of() -> Iterator[Bar]:
    """Give the bar on stderr that all long work is shown by; Ctrl-C ends it as `StoppedError`."""
    # Imported here, so that help and errors need not wait for it.
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=_QUIET.get()) as bar:
        try:
            yield bar
        except KeyboardInterrupt:
            raise StoppedError from None
        except UserError:
            # The mistake is to stand alone on its line.
            bar.live.transient = True
            raise


@contextmanager
def going_on() -> Iterator[None]:
    """Let Ctrl-C say that the same command goes on: for work of which the finished pieces are kept."""
    try:
        yield
    except (KeyboardInterrupt, StoppedError):
        raise StoppedError("the same command goes on from there") from None


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while the block runs; gives a function that takes steps done and in all."""
    with bar_of() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(
    result: dict[str, Any], as_json: bool, title: str, rows: dict[str, str], out: Path | str | None = None
) -> None:
    """Print a result: all of it as JSON, with what was written as `out`, or the chosen rows as a table."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if as_json:
        say(json.dumps(result if out is None else result | {"out": str(out)}, allow_nan=False))
        return
    table = Table(title=Text(title), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column()
    for name, value in rows.items():
        # What a file held is text, whatever brackets stand in it.
        table.add_row(name, Text(value))
    Console().print(table)
