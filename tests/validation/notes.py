"""A repository with two clusters and one chart, `notes`, of one ConfigMap, in which nothing is wrong."""

from __future__ import annotations

from pathlib import Path

from medpattern.documents.file import lay_out

FILES = {
    "values/values-global.yaml": """\
main:
  clusterGroupName: ward
  git: {repoURL: "https://git.example.org/a.git", revision: main}
""",
    "values/values-ward.yaml": """\
clusterGroup:
  name: ward
  namespaces: {notes: {operatorGroup: false}}
  argoProjects: [platform]
  applications:
    notes: {namespace: notes, argoProject: platform, path: charts/notes}
""",
    "values/values-north.yaml": "clusterGroup: {}\n",
    "values/clusters/north.yaml": "{group: ward, distribution: kubernetes, platform: None, version: '1.34', "
    "domain: north.example.org}\n",
    "values/clusters/south.yaml": "{group: ward, distribution: kubernetes, platform: None, version: '1.34', "
    "domain: south.example.org}\n",
    "charts/notes/Chart.yaml": """\
apiVersion: v2
name: notes
version: 0.1.0
annotations: {medpattern.io/chart-source: "true"}
""",
    "charts/notes/values.yaml": "# What it says.\ngreeting: hello\n",
    "charts/notes/values.schema.json": '{"type": "object", "additionalProperties": false, "properties": '
    '{"greeting": {"type": "string"}, "global": {"type": "object"}}}\n',
    "charts/notes/templates/notes.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: notes
data:
  greeting: [[ value("greeting") ]]
""",
}

TEMPLATE = "charts/notes/templates/notes.yaml"

# Of the template: an error at its line 5, and the same a kind that nobody has a schema of.
MISSPELT = FILES[TEMPLATE].replace("\ndata:", "\ndta:")
UNKNOWN = "apiVersion: notes.example.org/v1\nkind: Note\nmetadata: {name: hello}\n"


def repository(folder: Path, **changed: str) -> Path:
    """The repository in `folder`; `template` and `waivers` are other contents of these files."""
    names = {"template": TEMPLATE, "waivers": "values/waivers.yaml"}
    files = FILES | {names[key]: text for key, text in changed.items()}
    lay_out(folder, {name: text.encode() for name, text in files.items()})
    return folder
