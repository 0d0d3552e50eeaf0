"""A stand-in for kubectl: the few requests that docs/operations.md makes with it, in kubectl's own words.

get KIND [-l LABELS] -o name | patch KIND/NAME --type merge -p JSON | wait --for=delete KIND/NAME --timeout=Nm
annotate KIND NAME KEY=VALUE ..., or KEY- to take one off | delete KIND -l LABELS
"""

from __future__ import annotations

import argparse
import json
import time

from medpattern.cluster.connection import Connection

KINDS = {
    "application": ("argoproj.io/v1alpha1", "Application"),
    "applications": ("argoproj.io/v1alpha1", "Application"),
    "application.argoproj.io": ("argoproj.io/v1alpha1", "Application"),
    "namespace": ("v1", "Namespace"),
}


def arguments() -> argparse.Namespace:
    """Those of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--context", required=True)
    parser.add_argument("-n", dest="namespace", default="")
    verbs = parser.add_subparsers(dest="verb", required=True)
    get = verbs.add_parser("get")
    get.add_argument("what")
    get.add_argument("-l", dest="labels", default="")
    get.add_argument("-o", choices=["name"], required=True)
    annotate = verbs.add_parser("annotate")
    annotate.add_argument("what")
    annotate.add_argument("name")
    annotate.add_argument("annotations", nargs="+")
    delete = verbs.add_parser("delete")
    delete.add_argument("what")
    delete.add_argument("-l", dest="labels", required=True)
    patch = verbs.add_parser("patch")
    patch.add_argument("--type", choices=["merge"], required=True)
    patch.add_argument("-p", dest="patch", type=json.loads, required=True)
    patch.add_argument("what")
    wait = verbs.add_parser("wait")
    wait.add_argument("what")
    wait.add_argument("--for", choices=["delete"], required=True)
    wait.add_argument("--timeout", required=True)
    return parser.parse_args()


def main() -> None:
    """One request; exit code 1 where it waited in vain."""
    given = arguments()
    connection = Connection.open(context=given.context)
    word, _, name = given.what.partition("/")
    api_version, kind = KINDS[word]
    if given.verb == "get":
        for one in connection.list(api_version, kind, given.namespace or None, given.labels):
            print(f"application.argoproj.io/{one['metadata']['name']}")
    elif given.verb == "annotate":
        pairs = (one.partition("=") for one in given.annotations)
        annotations = {key if value else key.removesuffix("-"): value or None for key, _, value in pairs}
        path = f"{connection.resource(api_version, kind).path(given.namespace)}/{given.name}"
        patch = {"metadata": {"annotations": annotations}}
        connection.ask("PATCH", path, body=patch, content_type="application/merge-patch+json")
    elif given.verb == "delete":
        for one in connection.list(api_version, kind, given.namespace or None, given.labels):
            connection.delete(api_version, kind, one["metadata"]["name"], given.namespace)
    elif given.verb == "patch":
        path = f"{connection.resource(api_version, kind).path(given.namespace)}/{name}"
        connection.ask("PATCH", path, body=given.patch, content_type="application/merge-patch+json")
        print(f"{given.what} patched")
    else:
        deadline = time.monotonic() + 60 * int(given.timeout.removesuffix("m"))
        while connection.get(api_version, kind, name, given.namespace):
            if time.monotonic() > deadline:
                raise SystemExit(f"timed out waiting for the condition on {given.what}")
            time.sleep(0.5)


if __name__ == "__main__":
    main()
