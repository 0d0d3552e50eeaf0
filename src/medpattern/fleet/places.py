"""Where the files of a values repository lie. Light: nothing is read as YAML unless there are variants."""

from __future__ import annotations

from pathlib import Path

from medpattern.errors import InputError, UsageError

GLOBAL_FILE = "values-global.yaml"


def join(folder: str, file: str) -> str:
    """`folder/file` relative to the root, without "./"."""
    return file if folder in (".", "") else f"{folder}/{file}"


def find_values(root: Path, chosen: str | None) -> str:
    """The folder of the values files, relative to `root`: "values", "." or "variants/<main.variant>".

    Args:
        root: the repository.
        chosen: what the person gave as --values, if anything.

    Raises:
        UsageError: there is no values-global.yaml in any of them.
    """
    if chosen is not None:
        if not (root / chosen / GLOBAL_FILE).is_file():
            raise UsageError(f"{Path(chosen) / GLOBAL_FILE}: no such file below {root}")
        return Path(chosen).as_posix()
    for folder in ("values", "."):
        if (root / folder / GLOBAL_FILE).is_file():
            inside = f"variants/{_variant(root, join(folder, GLOBAL_FILE))}"
            return inside if (root / inside / GLOBAL_FILE).is_file() else folder
    raise UsageError(
        f"no {GLOBAL_FILE} in {root} or {root / 'values'}; go to a repository, name it with --root, "
        "or make one with 'medpattern init DIR'"
    )


def _variant(root: Path, file: str) -> str:
    """`main.variant` of the global file; a file that cannot be read is reported when it is loaded."""
    if not (root / "variants").is_dir():
        return ""
    from medpattern.documents.reader import parse_file

    try:
        data = parse_file(file, (root / file).read_bytes()).data
    except InputError:
        return ""
    main = data.get("main") if isinstance(data, dict) else None
    variant = main.get("variant") if isinstance(main, dict) else None
    return variant if isinstance(variant, str) else ""


def facts_files(root: Path, folder: str) -> dict[str, str]:
    """The facts file of each cluster by its name, sorted; empty if there is no such folder.

    Raises:
        UsageError: two files for one cluster.
    """
    directory = root / folder
    found: dict[str, str] = {}
    for path in sorted(directory.glob("*.y*ml")) if directory.is_dir() else ():
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.stem in found:
            raise UsageError(f"{join(folder, path.name)} and {found[path.stem]} are facts of one cluster; remove one")
        found[path.stem] = join(folder, path.name)
    return found
