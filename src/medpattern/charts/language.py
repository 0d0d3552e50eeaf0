"""The language of chart sources: Jinja2 with [[ ]], [% %], [# #], sandboxed and strict."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from medpattern.charts.builder import MARK_CLOSE, MARK_OPEN, build_objects
from medpattern.charts.files import cache_folder
from medpattern.charts.skeleton import SkeletonObject
from medpattern.charts.source import ChartSource
from medpattern.charts.structure import COMPILED_NAME, Recorder, StructuralMap, TemplateError
from medpattern.errors import ChartSourceError
from medpattern.findings import Finding, Place

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment

_TAGS = re.compile(r"\[\[.*?\]\]|\[%.*?%\]|\[#.*?#\]", re.DOTALL)
_BARE_TAG = re.compile(r"[ \t]*(\[[%#]|\[\[-)")
_BLOCK = re.compile(
    r"\[%[-+]?\s*(if|elif|else|endif|for|endfor|set|macro|endmacro|with|endwith)\b\s*(.*?)\s*[-+]?%\]",
    re.DOTALL,
)


def render_objects(source: ChartSource, recorder: Recorder) -> list[SkeletonObject]:
    """Renders all templates of `source` with the values of `recorder`, which notes what they read.

    Raises:
        ChartSourceError: a template is no Jinja, asks for an unknown value, or makes something else than
            Kubernetes objects; every template's first fault is reported.
    """
    findings: list[Finding] = []
    objects: list[SkeletonObject] = []
    for name, text in source.templates.items():
        shown = f"{source.shown}/templates/{name}"
        try:
            objects += _render(source, name, text, shown, recorder)
        except ChartSourceError as error:
            findings += error.findings
    seen: dict[tuple[str, str, str, str], str] = {}
    for found in objects:
        identity = (found.group, found.kind, found.namespace, found.name)
        if identity in seen:
            message = f"{found.kind}/{found.name} is also made by {seen[identity]}"
            findings.append(Finding("chart-source", message, Place(f"{source.shown}/templates/{found.template}")))
        seen[identity] = found.template
    if findings:
        raise ChartSourceError(findings)
    return objects


def _render(source: ChartSource, name: str, text: str, shown: str, recorder: Recorder) -> list[SkeletonObject]:
    import jinja2
    from jinja2.exceptions import SecurityError

    context = {
        "values": StructuralMap(recorder, (), recorder.values),
        "value": recorder.value,
        "text": recorder.text,
        "lines": recorder.lines,
        "present": recorder.present,
        "image": recorder.image,
        "files": lambda file: _file(source, file),
    }
    try:
        template = _template(text)
        first_leaf = len(recorder.leaves)
        recorder.template = name, template.get_corresponding_lineno
        marked = template.render(context)
    except jinja2.TemplateSyntaxError as error:
        raise _fault(shown, error.lineno, f"not a template: {error.message}") from error
    except (
        jinja2.UndefinedError,
        TemplateError,
        SecurityError,
        TypeError,
        ValueError,
    ) as error:
        raise _fault(shown, _template_line(error), str(error)) from error
    return build_objects(shown, name, marked, recorder.leaves, first_leaf)


def _fault(shown: str, line: int, message: str) -> ChartSourceError:
    return ChartSourceError([Finding("chart-source", message, Place(shown, line, 1))])


def _file(source: ChartSource, name: str) -> str:
    content = source.files.get(f"files/{name}")
    if content is None:
        raise TemplateError(f"the chart has no files/{name}")
    return content.decode("utf-8", "replace")


def _template_line(error: BaseException) -> int:
    """Jinja rewrites tracebacks so that they show template lines; the last of them is where it happened."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == COMPILED_NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


@lru_cache(maxsize=4096)
def _template(text: str) -> Template:
    return _environment().from_string(mark_lines(text))


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        """Compiled templates are cached under their text, so that an edit never meets old code."""

        def from_string(self, source: Any, globals: Any = None, template_class: Any = None) -> Any:  # noqa: A002
            cache = self.bytecode_cache
            if cache is None:
                return super().from_string(source, globals, template_class)
            bucket = cache.get_bucket(self, sha256(source.encode()).hexdigest(), None, source)
            if bucket.code is None:
                bucket.code = self.compile(source)
                cache.set_bucket(bucket)
            return jinja2.Template.from_code(self, bucket.code, self.make_globals(globals))

    folder = cache_folder()
    made = Environment(
        block_start_string="[%", block_end_string="%]",
        variable_start_string="[[", variable_end_string="]]",
        comment_start_string="[#", comment_end_string="#]",
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
        undefined=jinja2.StrictUndefined,
        bytecode_cache=jinja2.FileSystemBytecodeCache(str(folder)) if folder else None,
    )  # fmt: skip
    # YAML readers refuse the surrogate pairs that escaped JSON has for characters beyond U+FFFF.
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return made


def mark_lines(text: str) -> str:
    """`text` with its line numbers as invisible marks before each line that prints something.

    No mark stands where it would change what Jinja strips: inside a tag, before a block tag, before a tag
    that begins with "-" or behind one that ends with it.
    """
    barred: set[int] = set()
    for match in _TAGS.finditer(text):
        first = text.count("\n", 0, match.start()) + 1
        last = first + match[0].count("\n")
        barred.update(range(first + 1, last + 1))
        if match[0][-3] == "-":
            rest = text[match.end() :]
            barred.update(range(last, last + 1 + rest[: len(rest) - len(rest.lstrip())].count("\n") + 1))
    lines = text.split("\n")
    return "\n".join(
        line if number in barred or not line.strip() or _BARE_TAG.match(line)
        else f"{MARK_OPEN}{number}{MARK_CLOSE}{line}"
        for number, line in enumerate(lines, 1)
    )  # fmt: skip


def conditions_around(text: str, line: int) -> list[tuple[int, str]]:
    """(line, tag) of each `if`, `elif`, `else` and `for` that encloses `line` of a template, outermost first."""
    stack: list[tuple[int, str]] = []
    for match in _BLOCK.finditer(text):
        number = text.count("\n", 0, match.start()) + 1
        if number > line:
            break
        word, expression = match[1], match[2]
        if word in ("if", "for"):
            stack.append((number, f"{word} {expression}"))
        elif word in ("elif", "else") and stack:
            opened = stack.pop()[1]
            stack.append((number, f"elif {expression}" if word == "elif" else f"else of: {opened}"))
        elif word in ("endif", "endfor") and stack:
            stack.pop()
    return stack
