"""The command that fetches published recordings."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindglyph.cli.app import AsJson, app, going_on, progress, show

if TYPE_CHECKING:
    from mindglyph.fetching.published import PublishedSet
    from mindglyph.fetching.settings import Fetched


@app.command("fetch")
def fetch_command(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A published set; without it they are listed.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Where its files go. [default: a folder of its name]")
    ] = None,
    list_sets: Annotated[bool, typer.Option("--list", help="List the published sets.")] = False,
    mirror: Annotated[
        str | None,
        typer.Option(
            help="Address of a copy: of the folder with the archives, or of a hub. "
            "[default: what MINDGLYPH_MIRROR or HF_ENDPOINT name, and else the original]"
        ),
    ] = None,
    retries: Annotated[int, typer.Option(help="How often in a row a connection that breaks is tried again.")] = 4,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Fetch anew what is there, and take it although its length or checksum is another."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch a set of recordings that MindBigData publishes; what broke off is gone on with.

    Example: mindglyph fetch mw
    """
    from mindglyph.fetching.fetch import fetch_set
    from mindglyph.fetching.patience import Patience
    from mindglyph.fetching.published import SETS
    from mindglyph.fetching.settings import FetchSettings
    from mindglyph.settings import checked_options

    if name is None or list_sets:
        show(
            {published.name: _about(published) for published in SETS.values()},
            as_json,
            "Published sets",
            {published.name: _line(published) for published in SETS.values()},
        )
        return
    patience = checked_options(Patience, "fetch", retries=retries)
    settings = checked_options(FetchSettings, "fetch", mirror=mirror, force=force, patience=patience)
    with going_on():
        fetched = fetch_set(name, Path(name) if folder is None else folder, settings, progress)
    show(_result(fetched), as_json, f"{name} → {fetched.folder}", _rows(fetched), fetched.folder)


def _about(published: PublishedSet) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(published), "page": published.page, "import": _import(published.name, _expected(published))}


def _line(published: PublishedSet) -> str:
    from mindglyph.fetching.disk import readable
    from mindglyph.fetching.published import ArchiveSet

    size = readable(published.size) if published.size else "size not published"
    if isinstance(published, ArchiveSet) and published.unpacked:
        size += f", unpacked {readable(published.unpacked)}"
    return f"{published.line}; {size}; {_import(published.name, _expected(published))}"


def _expected(published: PublishedSet) -> tuple[Path, ...]:
    return tuple(Path(published.name) / name for name in published.recordings)


def _import(name: str, recordings: tuple[Path, ...]) -> str:
    return shlex.join(["mindglyph", "import", *map(str, recordings), f"{name}.store"])


def _result(fetched: Fetched) -> dict[str, Any]:
    from mindglyph.fetching.records import LEDGER, records

    known = records(fetched.folder)
    return {
        "set": fetched.published.name,
        "files": {name: known[name].model_dump() for name in (*fetched.fetched, *fetched.there)},
        "fetched": list(fetched.fetched),
        "there": list(fetched.there),
        "unpacked": fetched.unpacked,
        "recordings": [str(path) for path in fetched.recordings],
        "records": str(fetched.folder / LEDGER),
        "next": _import(fetched.published.name, fetched.recordings),
        "page": fetched.published.page,
        "licence": fetched.licence,
    }


def _rows(fetched: Fetched) -> dict[str, str]:
    from mindglyph.fetching.disk import readable
    from mindglyph.fetching.published import ACKNOWLEDGE
    from mindglyph.fetching.records import LEDGER, records

    known = records(fetched.folder)
    rows = {}
    for name in (*fetched.fetched, *fetched.there):
        how = "fetched" if name in fetched.fetched else "was there already, and is unchanged"
        rows[name] = (
            f"{readable(known[name].bytes)}, {how}; SHA-256 {known[name].sha256[:12]}… in {fetched.folder / LEDGER}"
        )
    if fetched.unpacked is not None:
        rows["unpacked"] = f"{fetched.unpacked:,} file{'s' if fetched.unpacked != 1 else ''}"
    rows["next"] = _import(fetched.published.name, fetched.recordings)
    rows["acknowledge"] = ACKNOWLEDGE
    rows["terms"] = _terms(fetched)
    return rows


def _terms(fetched: Fetched) -> str:
    from mindglyph.fetching.published import HubSet

    page = fetched.published.page
    if not isinstance(fetched.published, HubSet):
        return f"no others are published: see {page}"
    return f"the dataset card names the licence '{fetched.licence}': see {page}" if fetched.licence else f"see {page}"
