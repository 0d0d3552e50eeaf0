"""Options of `medpattern secrets` that several of its commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Store(StrEnum):
    """Where secrets are loaded."""

    VAULT = "vault"
    KUBERNETES = "kubernetes"


SecretsOption = Annotated[
    Path | None,
    typer.Option("--secrets", metavar="FILE", help="The secrets file, format 2.0 of the Validated Patterns framework; "
                 "plain, or encrypted with age or SOPS. Default: VALUES_SECRET, or where the framework looks for it.",
                 dir_okay=False, show_default=False),
]  # fmt: skip
Identities = Annotated[
    list[Path] | None,
    typer.Option("--identity", metavar="FILE", help="age's secret keys, for an encrypted file; may be repeated. "
                 "Default: SOPS_AGE_KEY_FILE.", dir_okay=False, exists=True, show_default=False),
]  # fmt: skip
To = Annotated[Store, typer.Option("--to", help="The kind of store.")]
Address = Annotated[str, typer.Option(metavar="URL", help="Of Vault or OpenBao.", show_default=False)]
TokenFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A token of Vault. Default: ~/.vault-token, where 'bao login' puts "
                              "it.", dir_okay=False, exists=True, show_default=False)
]  # fmt: skip
LoginRole = Annotated[
    str, typer.Option("--role", metavar="ROLE", help="Log in to Vault by this role of its auth method kubernetes, "
                      "with --account.", show_default=False)
]  # fmt: skip
LoginAccount = Annotated[
    str, typer.Option("--account", metavar="NAMESPACE/NAME", help="The ServiceAccount to log in as: the cluster of "
                      "--context is asked for a token of ten minutes.", show_default=False)
]  # fmt: skip
LoginAuth = Annotated[str, typer.Option("--auth", metavar="MOUNT", help="With --role: the auth method's mount.")]
LoginAudience = Annotated[str, typer.Option("--audience", help="With --role: of the ServiceAccount's token.")]
Ca = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="CA certificates that Vault's is signed by.",
                              dir_okay=False, exists=True, show_default=False)
]  # fmt: skip
ServerName = Annotated[
    str, typer.Option("--tls-server-name", metavar="NAME", help="The name in Vault's certificate, if --address is the "
                      "end of 'kubectl port-forward'.", show_default=False)
]  # fmt: skip
VaultNamespace = Annotated[
    str, typer.Option("--vault-namespace", metavar="NAME", help="Of Vault Enterprise or OpenBao.", show_default=False)
]
Context = Annotated[str | None, typer.Option(help="Of the kubeconfig.", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Compare and print; write nothing.")]
