"""`medpattern secrets`: from the file that a person keeps to the stores that clusters read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medpattern.cli import console
from medpattern.cli.options import Clusters, Facts, Output, OutputOption, Root, Values
from medpattern.cli.reach import Kubeconfig
from medpattern.cli.secrets_options import (
    Address,
    Ca,
    Context,
    DryRun,
    Identities,
    LoginAccount,
    LoginAudience,
    LoginAuth,
    LoginRole,
    SecretsOption,
    ServerName,
    Store,
    To,
    TokenFile,
    VaultNamespace,
)

if TYPE_CHECKING:
    from medpattern.checks.manifests import Inventory
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore.files import Kept
    from medpattern.secretstore.format import SecretName, SecretsFile, VaultPath
    from medpattern.secretstore.plan import Outside, Plan

secrets = typer.Typer(help="Secrets: who writes and reads them, and the stores that they are loaded into.",
                      no_args_is_help=True)  # fmt: skip


@secrets.command("plan")
def plan(
    cluster: Clusters = None,
    secrets_file: SecretsOption = None,
    identity: Identities = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show each Secret and key: who writes it, what it is made of, who reads it, what is missing or unused.

    Without a secrets file, everything that Vault is asked for counts as missing.

    Example: medpattern secrets plan --cluster hospital-1
    """
    from medpattern.cli import secrets_views as views
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import Selection

    selection = Selection(root, values, facts, tuple(cluster or ()))
    kept: Kept | None = None
    try:
        kept = _file(selection, secrets_file, identity)
    except UsageError:
        if secrets_file is not None:
            raise
        console.say("there is no secrets file yet; name one by --secrets")
    plans = _plans(selection, kept.secrets if kept else None)
    if output is Output.JSON:
        console.data_json([views.as_json(one) for one in plans])
    else:
        console.data("\n\n".join(views.text(one) for one in plans))


@secrets.command("check")
def check(
    cluster: Clusters = None,
    secrets_file: SecretsOption = None,
    identity: Identities = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Hold the secrets file against its format and against what clusters read: missing, weak and unused ones.

    Values are never printed. Exit code 1 if anything is found, 2 if the file cannot be read.

    Example: medpattern secrets check --secrets ~/secrets.yaml --cluster hospital-1
    """
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore.checking import findings

    selection = Selection(root, values, facts, tuple(cluster or ()))
    kept = _file(selection, secrets_file, identity)
    found = findings(kept.secrets, _plans(selection, kept.secrets))
    if output is Output.JSON:
        console.data_json([one.as_json() for one in found])
    else:
        for one in found:
            console.finding(one)
    console.say(f"{kept.path}: {console.number(len(found), 'finding')}")
    if found:
        raise typer.Exit(1)


@secrets.command("generate")
def generate(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The filled file. What it has already is kept.",
                                      dir_okay=False)],
    age: Annotated[list[str] | None, typer.Option(metavar="age1...", help="Encrypt it with age for this recipient; may "
                   "be repeated.", show_default=False)] = None,
    secrets_file: SecretsOption = None,
    identity: Identities = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:  # fmt: skip
    """Write a secrets file whose generated fields have values, by their password policies; nothing is printed of them.

    'load' generates by itself what a store lacks: this is for a file to keep, or to load one value into several stores.

    Example: medpattern secrets generate --out ~/secrets-filled.age --age age1...
    """
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore import files
    from medpattern.secretstore.encryption import encrypt
    from medpattern.secretstore.generation import fill

    kept = _file(Selection(root, values, facts), secrets_file, identity)
    if not age:
        files.require_outside_git(out)
    before = files.read(out, identity or ()).secrets if out.exists() else None
    filled = fill(kept.text.reveal(), kept.secrets, before)
    content = filled.content.reveal()
    files.write_private(out, encrypt(content, age) if age else content)
    console.say(f"{out}: {len(filled.made)} generated, {len(filled.kept)} kept from before")


@secrets.command("load")
def load(
    to: To,
    address: Address = "",
    cluster: Clusters = None,
    every: Annotated[bool, typer.Option("--all", help="With --to vault: entries too that nobody on these clusters "
                     "reads.")] = False,
    namespace: Annotated[str, typer.Option(help="With --to kubernetes: only the Secrets of this namespace.",
                         show_default=False)] = "",
    token_file: TokenFile = None,
    role: LoginRole = "",
    account: LoginAccount = "",
    auth: LoginAuth = "kubernetes",
    audience: LoginAudience = "vault",
    ca: Ca = None,
    tls_server_name: ServerName = "",
    vault_namespace: VaultNamespace = "",
    kubernetes_host: Annotated[str, typer.Option(metavar="URL", help="Where Vault reaches the API server of the "
                               "cluster, for its auth method. Default: the one that it runs in.",
                               show_default=False)] = "",
    kubernetes_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="With --kubernetes-host: its CA.",
                             dir_okay=False, exists=True, show_default=False)] = None,
    reviewer_token_file: Annotated[Path | None, typer.Option(metavar="FILE", help="With --kubernetes-host: the token "
                                   "of an account that may review tokens there.", dir_okay=False, exists=True,
                                   show_default=False)] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    dry_run: DryRun = False,
    secrets_file: SecretsOption = None,
    identity: Identities = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:  # fmt: skip
    """Load secrets into Secrets of a cluster, or into Vault or OpenBao with the rights that External Secrets need.

    Everything is compared first: what is the same gets no new version, and where a server refuses anything nothing is
    written. Generated fields keep their values, unless they say override.

    Example: medpattern secrets load --to vault --address https://openbao.example.org:8200 --cluster hospital-1
    """
    from medpattern.cli import secrets_kubernetes, secrets_vault
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore.values import Values as FieldValues

    selection = Selection(root, values, facts, tuple(cluster or ()))
    if to is Store.KUBERNETES:
        if address or every or role or token_file or kubernetes_host or cluster:
            raise UsageError("options of Vault go with --to vault; the cluster is that of --context")
        kept = _file(selection, secrets_file, identity)
        names = secrets_kubernetes.names(kept.secrets, namespace)
        secrets_kubernetes.load(kept.secrets, FieldValues(), names, context, kubeconfig, dry_run=dry_run)
        return
    server = secrets_vault.Server.of(
        address, token_file, role, account, auth, audience, ca, tls_server_name, vault_namespace
    )
    if (kubernetes_ca or reviewer_token_file) and not kubernetes_host:
        raise UsageError("--kubernetes-ca and --reviewer-token-file go with --kubernetes-host")
    inventories = secrets_vault.chosen(_inventories(selection), named=bool(cluster))
    login = secrets_vault.login_of(kubernetes_host, kubernetes_ca, reviewer_token_file)
    kept = _file(selection, secrets_file, identity)
    vault = server.open(context, kubeconfig)
    secrets_vault.load(vault, kept.secrets, FieldValues(), inventories, login, every=every, dry_run=dry_run)


@secrets.command("rotate")
def rotate(
    name: Annotated[str, typer.Argument(metavar="NAME[.FIELD]", help="A secret, or one field of it.")],
    to: To = Store.VAULT,
    address: Address = "",
    cluster: Clusters = None,
    token_file: TokenFile = None,
    role: LoginRole = "",
    account: LoginAccount = "",
    auth: LoginAuth = "kubernetes",
    audience: LoginAudience = "vault",
    ca: Ca = None,
    tls_server_name: ServerName = "",
    vault_namespace: VaultNamespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    dry_run: DryRun = False,
    secrets_file: SecretsOption = None,
    identity: Identities = None,
    root: Root = Path(),
    values: Values = None,
    facts: Facts = None,
) -> None:
    """Give generated fields new values in a store, and say who has to take notice, with the commands for it.

    Vault keeps the version before; Kubernetes keeps none. Rotate keys of pseudonyms only if results of before and after
    need not be told to be of one patient.

    Example: medpattern secrets rotate results-session.key --address https://openbao.example.org:8200
    """
    from medpattern.cli import secrets_kubernetes, secrets_vault
    from medpattern.cli import secrets_views as views
    from medpattern.errors import UsageError
    from medpattern.rendering.selection import Selection
    from medpattern.secretstore.rotation import notices, rotation
    from medpattern.secretstore.values import Values as FieldValues

    selection = Selection(root, values, facts, tuple(cluster or ()))
    kept = _file(selection, secrets_file, identity)
    found = rotation(kept.secrets, name)
    read = _read(selection)
    outside = {known.cluster: others for known, others in read}
    inventories = [known for known, _ in read]
    renewed = FieldValues(renewed=found.renewed)
    paths: tuple[VaultPath, ...] = ()
    names: tuple[SecretName, ...] = ()
    if to is Store.KUBERNETES:
        if address or role or token_file:
            raise UsageError("options of Vault go with --to vault; the cluster is that of --context")
        names = kept.secrets.kubernetes_secrets(found.entry)
        secrets_kubernetes.load(kept.secrets, renewed, names, context, kubeconfig, dry_run=dry_run)
    else:
        server = secrets_vault.Server.of(
            address, token_file, role, account, auth, audience, ca, tls_server_name, vault_namespace
        )
        inventories = secrets_vault.chosen(inventories, named=bool(cluster))
        paths = secrets_vault.read_by(inventories, kept.secrets.vault_paths(found.entry))
        secrets_vault.rotate(server.open(context, kubeconfig), kept.secrets, renewed, paths, dry_run=dry_run)
    for one in inventories:
        console.data("\n".join(views.notices(one.cluster, notices(one, found, paths, names, outside[one.cluster]))))


def _file(selection: Selection, named: Path | None, identity: list[Path] | None) -> Kept:
    """The secrets file of the repository's pattern."""
    from medpattern.secretstore import files

    top = selection.load().global_document.get("global")
    pattern = str((top if isinstance(top, dict) else {}).get("pattern") or selection.root.resolve().name)
    return files.read(files.find(named, pattern, selection.root), identity or ())


def _plans(selection: Selection, secrets: SecretsFile | None) -> list[Plan]:
    """The plan of each selected cluster; raises what `inventories` raises."""
    from medpattern.secretstore.plan import plan as plan_of

    return [plan_of(known, secrets, outside) for known, outside in _read(selection)]


def _inventories(selection: Selection) -> list[Inventory]:
    """What each selected cluster gets, rendered in memory; raises what `inventories` raises."""
    return [known for known, _ in _read(selection)]


def _read(selection: Selection) -> list[tuple[Inventory, Outside]]:
    from medpattern.rendering.inventories import inventories
    from medpattern.secretstore.plan import outside_of

    return [(known, outside_of(rendered.cluster)) for rendered, known in inventories(selection)]
