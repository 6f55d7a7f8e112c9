"""``tappa sources``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tappa.cli.options import Decorator, NotDoneError, WrongSettingsError, data_option, hint, json_option, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable


@click.group(
    invoke_without_command=True,
    epilog="Examples: tappa sources    tappa sources add stores --channel store    tappa sources rotate stores",
)
@data_option
@json_option
@click.pass_context
def sources(context: click.Context, data: Path, as_json: bool) -> None:
    """List, add, rotate or remove sources.

    A source is somebody who sends touchpoints: a site, an app, the tills. It has a write key, or two while one is being
    replaced. A running ingest sees a change within a second.
    """
    context.obj = data
    if context.invoked_subcommand is None:
        _show(data, as_json)


def _path(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path:
    """``--data`` of the subcommand, else that of the group."""
    return value or ctx.obj


_data: Decorator = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), callback=_path, help="The data directory."
)


@sources.command(epilog="Example: tappa sources add shop-web --browser --joins device")
@click.argument("name")
@click.option(
    "--joins",
    type=click.Choice(["all", "device", "nothing"]),
    help="What its identifiers may join.  [default: all; device with --browser]",
)
@click.option("--channel", default="web", show_default=True, help="Channel of touchpoints that do not say theirs.")
@click.option("--browser", is_flag=True, help="Its key will be in a web page, where everybody can read it.")
@_data
@json_option
def add(name: str, joins: str | None, channel: str, browser: bool, data: Path, as_json: bool) -> None:
    """Add a source with a new write key, and show it."""
    from pydantic import ValidationError

    from ingest.sources import Source
    from tappa.secret import new_secret
    from tappa.settingsfile import add_source

    wanted = {
        "name": name,
        "write_keys": (new_secret(),),
        "joins": joins or ("device" if browser else "all"),
        "channel": channel,
        "browser": browser,
    }
    try:
        source = Source.model_validate(wanted)
    except ValidationError as error:
        mistakes = "; ".join(f"{mistake['loc'][0]}: {mistake['msg']}" for mistake in error.errors())
        raise click.UsageError(mistakes) from None
    _change(data, lambda path: add_source(path, source))
    _show(data, as_json, only=name)


@sources.command(epilog="Example: tappa sources rotate shop-web")
@click.argument("name")
@_data
@json_option
def rotate(name: str, data: Path, as_json: bool) -> None:
    """Give a source a new write key; those it has go on working until they are removed."""
    from tappa.secret import new_secret
    from tappa.settingsfile import rotate_source

    _change(data, lambda path: rotate_source(path, name, new_secret()))
    _show(data, as_json, only=name)
    if not as_json:
        click.echo(f"The others work until you remove them: {hint(f'sources remove {name} --key KEY', data)}")


@sources.command(
    epilog="Examples: tappa sources hook shop shopify    tappa sources hook tills signed --window 30    "
    "tappa sources hook newsletter mapped --mapping hook.yaml    tappa sources hook shop --remove"
)
@click.argument("name")
@click.argument("kind", type=click.Choice(["shopify", "square", "signed", "mapped"]), required=False)
@click.option("--url", help="Of square: the notification URL as it is registered there.")
@click.option(
    "--window",
    type=click.IntRange(1, 90),
    help="Of signed and mapped: days for which a signature is taken.  [default: 7]",
)
@click.option(
    "--customer-ids", is_flag=True, help="Of shopify: its customer ids are the user ids of other sources, too."
)
@click.option(
    "--mapping",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Of mapped: YAML, what its payload means; samples/email/hook.yaml is one.",
)
@click.option(
    "--scheme",
    type=click.Choice(["timestamped", "standard"]),
    help="Of mapped: signed as X-Signature: t=…,v1=…, or by Standard Webhooks.  [default: timestamped]",
)
@click.option("--remove", "removes", is_flag=True, help="Take the webhook away.")
@_data
def hook(
    name: str,
    kind: str | None,
    url: str | None,
    window: int | None,
    customer_ids: bool,
    mapping: Path | None,
    scheme: str | None,
    removes: bool,
    data: Path,
) -> None:
    """Take signed webhooks as a source, at /v1/hooks/KIND/NAME.

    Asks for the secret that the other side signs with, or reads it from standard input. Given again, the new secret
    works beside the newest of before, so that it can be replaced without a gap.
    """
    from pydantic import ValidationError

    from ingest.files.mapping import MappingError
    from ingest.hooks.mapping import load_hook_mapping
    from ingest.hooks.settings import DAY_S, Hook
    from tappa.settingsfile import remove_hook, set_hook

    if removes:
        _change(data, lambda path: remove_hook(path, name))
        _show(data, as_json=False, only=name)
        return
    if kind is None:
        raise click.UsageError("say whose webhook it is: shopify, square, signed or mapped")
    try:
        text = load_hook_mapping(mapping) if mapping else ""
    except MappingError as error:
        raise WrongSettingsError(str(error)) from None
    secret = click.prompt("Secret", hide_input=True, err=True).strip()
    wanted = {"kind": kind, "secrets": (secret,), "customer_ids": customer_ids}
    wanted |= {"url": url} if url else {}
    wanted |= {"mapping": text} if text else {}
    wanted |= {"scheme": scheme} if scheme else {}
    wanted |= {"window_s": window * DAY_S} if window else {}
    try:
        found = Hook.model_validate(wanted)
    except ValidationError as error:
        said = "; ".join(mistake["msg"] for mistake in error.errors(include_input=False))
        raise click.UsageError(said) from None
    _change(data, lambda path: set_hook(path, name, found))
    click.echo(f"Webhooks of {kind} go to /v1/hooks/{kind}/{name} of ingest. A running one sees it within a second.")


@sources.command(
    epilog="Examples: tappa sources mapping tills till.yaml    tappa sources mapping tills till.yaml --as daily    "
    "tappa sources mapping tills --as daily --remove"
)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--as", "mapping", help="What /v1/files calls it: mapping=…  [default: the file's name without its end]")
@click.option("--remove", "removes", is_flag=True, help="Take the mapping away.")
@_data
def mapping(name: str, file: Path | None, mapping: str | None, removes: bool, data: Path) -> None:
    """Keep a mapping of CSV files with a source, for files that are posted to /v1/files.

    FILE is the YAML that `tappa import --mapping` takes. A running ingest sees it within a second.
    """
    from pydantic import ValidationError

    from ingest.files.mapping import MappingError, load_mapping
    from ingest.sources import Source
    from tappa.settingsfile import set_mapping

    called = mapping or (file.stem if file else None)
    if called is None or (file is None) != removes:
        raise click.UsageError("name the mapping's file; or, to take one away, --as NAME --remove")
    text = None
    if file is not None:
        try:
            load_mapping(file)
            text = file.read_text(encoding="utf-8")
            Source(name=name, mappings={called: text})
        except MappingError as error:
            raise WrongSettingsError(str(error)) from None
        except ValidationError as error:
            said = "; ".join(mistake["msg"] for mistake in error.errors(include_input=False))
            raise click.UsageError(f"{called!r}: {said}") from None
    _change(data, lambda path: set_mapping(path, name, called, text))
    if text is not None:
        click.echo(f"Post files of {name} to /v1/files?format=csv&mapping={called}")


@sources.command(epilog="Examples: tappa sources remove shop-web --key OLD    tappa sources remove shop-web")
@click.argument("name")
@click.option("--key", help="Only this write key of it.")
@_data
@json_option
def remove(name: str, key: str | None, data: Path, as_json: bool) -> None:
    """Remove a source, or one of its write keys. Its touchpoints stay."""
    from tappa.settingsfile import remove_key, remove_source

    _change(data, lambda path: remove_key(path, name, key) if key else remove_source(path, name))
    _show(data, as_json)


def _change(data: Path, change: Callable[[Path], None]) -> None:
    from tappa.settings import FILE

    read_settings(data)  # a file that is broken already is not touched
    path = data / FILE
    if not path.exists():
        raise NotDoneError(f"there is no {path}; begin with: {hint('up', data)}")
    try:
        change(path)
    except ValueError as error:
        raise NotDoneError(str(error)) from None


def _show(data: Path, as_json: bool, only: str | None = None) -> None:
    import orjson

    found = [source for source in read_settings(data).sources if only in (None, source.name)]
    if as_json:
        rows = [
            {
                "name": source.name,
                "write_key": source.write_keys[0] if source.write_keys else None,
                **source.model_dump(mode="json", exclude={"name"}),
            }
            for source in found
        ]
        click.echo(orjson.dumps(rows[0] if only else rows, option=orjson.OPT_INDENT_2).decode())
        return
    if not found:
        click.echo(f"no sources yet; add one: {hint('sources add NAME', data)}")
    for source in found:
        click.echo(
            f"{source.name:<16} {source.write_keys[0] if source.write_keys else '(no key)':<34} {_described(source)}"
        )
        for key in source.write_keys[1:]:
            click.echo(f"{'':<16} {key:<34} (older)")


def _described(source: Any) -> str:
    browser = ", in the browser" if source.browser else ""
    hook = f", webhooks of {source.hook.kind}" if source.hook else ""
    mappings = f", mappings {', '.join(source.mappings)}" if source.mappings else ""
    return f"joins {source.joins}, channel {source.channel}{browser}{hook}{mappings}"
