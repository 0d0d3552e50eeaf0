"""The same fleet as a Kapitan inventory: classes, targets and the same templates in Kapitan's Jinja2.

Laid out for Kapitan's advantage: one target for a cluster, its default inventory back end, its cheapest
input type (Jinja2 written as plain text, nothing parsed), one class for an application and for a group.
"""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.fleet import Application, Cluster, Fleet, Values

LOOP = re.compile(r"\[% for (\w+) in values\.([\w.]+) %\]")
STATEMENT = re.compile(r"\[%(.*?)%\]")
EXPRESSION = re.compile(r"\[\[ (.*?) \]\]")
CALL = re.compile(r"(value|text|lines|image)\((.*)\)$")
PLACEHOLDER = re.compile(r"\{([\w.]+)\}")


def command(kapitan: str) -> list[str]:
    """How Kapitan compiles all targets; it runs with the generated inventory's parent as working folder."""
    return [kapitan, "compile"]


def environment(temporary: Path) -> dict[str, str]:
    """The environment of a Kapitan process that compiles in the folder `temporary` before it copies."""
    return {**os.environ, "TMPDIR": str(temporary)}


def write(fleet: Fleet, root: Path) -> None:
    """Write inventory and templates of the fleet below `root`."""
    for app in fleet.applications:
        for stem, text in app.templates.items():
            _write(root / "templates" / app.name / f"{stem}.yaml", translated(text, app))
        _dump(root / "inventory" / "classes" / "apps" / f"{app.name}.yml", _application_class(app))
    classes = [f"apps.{app.name}" for app in fleet.applications]
    for group in fleet.groups:
        parameters = {name: _replacing_lists(values) for name, values in group.values.items()}
        content = {"classes": classes, "parameters": {"global": dict(group.facts), **parameters}}
        _dump(root / "inventory" / "classes" / "groups" / f"{group.name}.yml", content)
    for cluster in fleet.clusters:
        _dump(root / "inventory" / "targets" / f"{cluster.name}.yml", _target(cluster))


def compiled(root: Path, cluster: str) -> Iterator[tuple[str, str]]:
    """Application name and text of every manifest that Kapitan wrote for a cluster."""
    for path in sorted((root / "compiled" / cluster).glob("*/*.yaml")):
        yield path.parent.name, path.read_text(encoding="utf-8")


def translated(text: str, app: Application) -> str:
    """A medpattern chart source in Kapitan's Jinja2; leaves become plain expressions, quoted where needed."""
    loops = dict(LOOP.findall(text))
    lines: list[str] = []
    block_indent: int | None = None  # indent of the key that opened the block scalar we are in
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if block_indent is not None and not line.startswith("[%") and indent <= block_indent:
            block_indent = None
        line = line.replace("{{", "\0").replace("}}", "\1")
        translate = partial(_expression, app, loops, block_indent is not None, indent)
        line = EXPRESSION.sub(translate, line)
        line = STATEMENT.sub(r"{%\1%}", line)
        lines.append(line.replace("\0", "{{ '{{' }}").replace("\1", "{{ '}}' }}"))
        if line.endswith(": |"):
            block_indent = indent
    body = "\n".join(lines).replace("values.global.", "inventory.parameters.global.")
    return f'{{% set values = inventory.parameters["{app.name}"] %}}\n{body}\n'


def _expression(app: Application, loops: dict[str, str], in_block: bool, indent: int, match: re.Match[str]) -> str:
    code = match[1]
    call = CALL.match(code)
    if call is None:
        return f"{{{{ {code} }}}}"
    form, arguments = call.groups()
    if form == "text":
        return _text(arguments, in_block)
    if form == "lines":
        return f"{{{{ values.{_unquoted(arguments)} | indent({indent}) }}}}"
    if form == "image":
        at = f"values.{_unquoted(arguments)}"
        digest = f"{{% if {at}.digest %}}@{{{{ {at}.digest }}}}{{% endif %}}"
        return f'"{{{{ {at}.registry }}}}/{{{{ {at}.repository }}}}:{{{{ {at}.tag }}}}{digest}"'
    return _leaf(arguments, app, loops)


def _text(arguments: str, in_block: bool) -> str:
    pattern, _, keywords = arguments.partition('",')
    local = set(re.findall(r"(\w+)=", keywords))

    def expand(match: re.Match[str]) -> str:
        path = match[1]
        return f"{{{{ {path if path.split('.')[0] in local else 'values.' + path} }}}}"

    content = PLACEHOLDER.sub(expand, pattern.strip().strip('"'))
    return content if in_block else f'"{content}"'


def _leaf(arguments: str, app: Application, loops: dict[str, str]) -> str:
    if arguments.startswith('"'):
        path = _unquoted(arguments)
        code, default = f"values.{path}", _at(app.defaults, path)
    else:
        base, key = (part.strip() for part in arguments.split(",", 1))
        if base in loops:
            code, default = f"{base}.{_unquoted(key)}", _at(app.defaults, loops[base])[0][_unquoted(key)]
        else:
            table = _at(app.defaults, base.removeprefix("values."))
            code, default = f"{base}[{key}]", next(iter(table.values()))
    if isinstance(default, str):
        return f'"{{{{ {code} }}}}"'
    return f"{{{{ {code} | tojson }}}}" if isinstance(default, dict | list | bool) else f"{{{{ {code} }}}}"


def _at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = values[key]
    return values


def _unquoted(text: str) -> str:
    return text.strip().strip('"')


def _application_class(app: Application) -> Values:
    compilation = {"input_type": "jinja2", "output_path": app.name, "input_paths": [f"templates/{app.name}"]}
    return {"parameters": {"kapitan": {"compile": [compilation]}, app.name: app.defaults}}


def _target(cluster: Cluster) -> Values:
    facts = {"localClusterName": cluster.name, "clusterDomain": cluster.domain}
    parameters = {name: _replacing_lists(values) for name, values in cluster.values.items()}
    content: Values = {"kapitan": {"vars": {"target": cluster.name}}, "global": facts, **parameters}
    return {"classes": [f"groups.{cluster.group.name}"], "parameters": content}


def _replacing_lists(values: Values) -> Values:
    """The values with reclass's mark (~) on keys of lists, so that they replace instead of append."""
    result: Values = {}
    for key, value in values.items():
        if isinstance(value, list):
            result[f"~{key}"] = value
        else:
            result[key] = _replacing_lists(value) if isinstance(value, dict) else value
    return result


def _dump(path: Path, content: Values) -> None:
    _write(path, yaml.safe_dump(content, sort_keys=False, width=1000))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
