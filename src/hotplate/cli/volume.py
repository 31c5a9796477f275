"""Volumes: folders that an endpoint's replicas share and keep. Paths are written VOLUME:PATH."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotplate.cli import console
from hotplate.cli.asking import age_of, below, confirm, open_control
from hotplate.cli.parsing import add_output
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.client.control import ControlClient


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands below `volume`."""
    actions = below(parser, ("create", "list", "ls", "cp", "rm"))
    create = actions.add_parser("create", help="Make an empty volume")
    create.add_argument("name", metavar="NAME", help="Its name")
    add_output(create)
    add_output(actions.add_parser("list", help="Every volume"))
    ls = actions.add_parser("ls", help="What is in a volume")
    ls.add_argument("place", metavar="VOLUME[:PATH]", help="A volume, or a folder in it")
    add_output(ls)
    cp = actions.add_parser("cp", help="Copy a file or a folder into a volume, or a file out of it")
    cp.add_argument("source", metavar="FROM", help="A path here, or VOLUME:PATH")
    cp.add_argument("target", metavar="TO", help="VOLUME:PATH, or a path here")
    cp.add_argument("-r", "--recursive", action="store_true", help="A folder with all that is in it")
    add_output(cp)
    rm = actions.add_parser("rm", help="Remove a file from a volume, or a whole volume")
    rm.add_argument("place", metavar="VOLUME[:PATH]", help="What to remove")
    rm.add_argument("-r", "--recursive", action="store_true", help="A folder with all that is in it")
    rm.add_argument("--force", action="store_true", help="Do not ask before a whole volume is deleted")
    add_output(rm)


def main(args: argparse.Namespace) -> int:
    """Run the command below `volume`."""
    with open_control() as control:
        answer = _act(args, control)
    if args.output == "json":
        console.out_json(answer)
    elif args.action == "list":
        rows = [(each["name"], age_of(each["created_at"]), ", ".join(each["endpoints"]) or "-") for each in answer]
        console.table(("NAME", "AGE", "ENDPOINTS"), rows)
    elif args.action == "ls":
        rows = [
            (each["name"] + ("/" if each["kind"] == "folder" else ""), str(each["size"]), age_of(each["modified_at"]))
            for each in answer
        ]
        console.table(("NAME", "BYTES", "AGE"), rows)
    elif args.action == "create":
        console.out(f'Volume "{answer["name"]}" has been created.')
    elif args.action == "cp":
        for each in answer:
            console.out(console.harmless(f"{each['path']} ({each['size']} bytes)"))
    else:
        console.out(console.harmless(answer["message"]))
    return 0


def _act(args: argparse.Namespace, control: ControlClient) -> Any:
    match args.action:
        case "create":
            return control.create_volume(args.name)
        case "list":
            return control.list_volumes()
        case "ls":
            volume, path = _place(args.place) or (args.place, "")
            return control.list_files(volume, path)
        case "rm":
            volume, path = _place(args.place) or (args.place, "")
            if path:
                return control.remove_file(volume, path, recursive=args.recursive)
            confirm(f"Delete the volume {volume} and all that is in it?", sure=args.force)
            return control.delete_volume(volume)
        case _:
            return _copy(args, control)


def _copy(args: argparse.Namespace, control: ControlClient) -> list[dict[str, Any]]:
    source, target = _place(args.source), _place(args.target)
    if (source is None) == (target is None):
        raise SettingError("One of both must be in a volume, written VOLUME:PATH.", source="volume cp")
    if source is not None:
        here = Path(args.target)
        path = here / source[1].rpartition("/")[2] if here.is_dir() else here
        return [{"path": str(path), "size": control.read_file(*source).save(path).stat().st_size}]
    assert target is not None
    return [_upload(control, file, target[0], path) for file, path in _files(args, target[1])]


def _files(args: argparse.Namespace, path: str) -> list[tuple[Path, str]]:
    here = Path(args.source)
    into = not path or path.endswith("/")
    if here.is_dir():
        if not args.recursive:
            raise SettingError(f"{here} is a folder.", source="volume cp", hint="Add --recursive.")
        base = path.rstrip("/")
        files = sorted(each for each in here.rglob("*") if each.is_file())
        return [(each, f"{base}/{each.relative_to(here).as_posix()}".lstrip("/")) for each in files]
    if not here.is_file():
        raise SettingError(f"There is no file {here}.", source="volume cp")
    return [(here, f"{path}{here.name}" if into else path)]


def _upload(control: ControlClient, file: Path, volume: str, path: str) -> dict[str, Any]:
    return control.write_file(volume, path, file).json()


def _place(text: str) -> tuple[str, str] | None:
    """`VOLUME:PATH`; None for a path of this machine."""
    volume, colon, path = text.partition(":")
    return (volume, path) if colon and "/" not in volume and "\\" not in volume else None
