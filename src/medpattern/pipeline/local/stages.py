"""Which processes a run consists of, and what each is told. They start in this order and end in the opposite one."""

from __future__ import annotations

from medpattern.pipeline.local.processes import StageSpec
from medpattern.pipeline.local.settings import Place

_HEALTH = "/v2/health/ready"


def object_store(place: Place) -> StageSpec:
    """The embedded S3, with SNS for its notifications."""
    arguments = ["medpattern.pipeline.local.objectstore", str(place.ports["object-store"])]
    return StageSpec(
        "object-store", arguments, place.environment(""), place.url("object-store", "/moto-api/"), holds_data=True
    )


def broker(place: Place, topics: dict[str, int]) -> StageSpec:
    """The embedded broker; its address is in `broker.json` of the run's folder."""
    wanted = [f"{name}={partitions}" for name, partitions in topics.items()]
    arguments = ["medpattern.pipeline.local.broker", str(place.folder / "broker.json"), *wanted]
    return StageSpec("broker", arguments, place.environment(""), holds_data=True)


def pipeline(place: Place, bootstrap: str) -> list[StageSpec]:
    """From the dead letters, which must take what the others refuse, to the bridge, by which all begins."""
    inbox = {
        "MEDPATTERN_WEBHOOK_URL": place.url("inbox", "/notifications"),
        "MEDPATTERN_WEBHOOK_KEY_FILE": str(place.folder / "keys" / "webhook"),
        # In a local run the ward is told of phantoms too: there is nobody else to tell of.
        "MEDPATTERN_NOTIFY_SIMULATED": "true",
        "MEDPATTERN_NOTIFY_GROUP": place.topic("notification"),
    }
    recorder = {"MEDPATTERN_DEAD_LETTERS_GROUP": place.topic("recorder")}
    source = ["--sink", place.url("service"), "--dead-letter-sink", place.url("dead-letters")]
    source += ["--group", place.topic("source"), "--concurrency", str(4 * place.settings.concurrency)]
    bridge = ["--topic", place.topic("images"), "--sns-host", place.url("object-store", "").removeprefix("http://")]

    def stage(name: str, command: list[str], more: dict[str, str] | None = None, *, port: str = "--port") -> StageSpec:
        arguments = ["medpattern", *command, port, str(place.ports[name])]
        return StageSpec(name, arguments, place.environment(bootstrap, more), place.url(name, _HEALTH))

    return [
        StageSpec(
            "inbox",
            ["medpattern.pipeline.local.inbox", str(place.ports["inbox"])],
            place.environment(bootstrap),
            place.url("inbox"),
        ),
        stage("dead-letters", ["deadletter"], recorder),
        stage("service", ["serve"]),
        stage("source", ["source", *source, "--topic", place.topic("images")], port="--metrics-port"),
        stage("notification", ["notify"], inbox, port="--metrics-port"),
        stage("bridge", ["bridge", *bridge]),
    ]


def machine(place: Place) -> StageSpec:
    """The simulated X-ray machine. It ends by itself when its films are stored."""
    wanted = place.settings
    options = {
        "--rate": wanted.rate,
        "--seed": wanted.seed,
        "--pneumonia": wanted.pneumonia,
        "--burned-in": wanted.burned_in,
        "--size": wanted.size,
        "--count": wanted.count,
        "--duration": wanted.duration,
        "--images": wanted.images,
    }
    arguments = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    arguments += ["--names-in-keys"] if wanted.names_in_keys else []
    return StageSpec("machine", ["medpattern", "simulate", *arguments], place.environment(""), ends=True)


def page(place: Place, port: int) -> StageSpec:
    """The live page; `port` is known before it starts, so that a restart keeps its address."""
    environment = place.environment("", {"MEDPATTERN_RUN_STATE": str(place.folder / "state.json")})
    health = f"http://127.0.0.1:{port}{_HEALTH}"
    return StageSpec("page", ["medpattern.dashboard", "--port", str(port)], environment, health)
