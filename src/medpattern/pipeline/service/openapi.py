"""The OpenAPI 3.1 document of the service, served at /openapi.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medpattern import __version__
from medpattern.pipeline.events.results import STATEMENT
from medpattern.pipeline.service.inference import INPUT, MOST_IMAGES, OUTPUTS

if TYPE_CHECKING:
    from medpattern.pipeline.model.card import ModelCard

_TEXT = {"type": "string"}


def document(card: ModelCard, *, guarded: bool) -> dict[str, Any]:
    """All paths of the service; `guarded`: inference wants a bearer token."""
    model = f"/v2/models/{card.name}"
    paths: dict[str, Any] = {
        "/": {"post": _events()},
        "/v2": {"get": _get("The server", "ServerMetadata")},
        "/v2/health/live": {"get": _get("Whether the process answers", "Health")},
        "/v2/health/ready": {"get": _get("Whether events and requests are taken", "Health")},
        "/metrics": {
            "get": {"summary": "Metrics for Prometheus", "responses": {"200": {"description": "Text format"}}}
        },
    }
    for path in (model, f"{model}/versions/{card.version}"):
        paths[path] = {"get": _get("The model", "ModelMetadata")}
        paths[f"{path}/ready"] = {"get": _get("Whether the model answers", "ModelReady")}
        paths[f"{path}/infer"] = {"post": _post("Assess encoded images", "Inference", guarded=guarded)}
    for version in ("v0.1", "v1.0"):
        paths[f"/api/{version}/predictions"] = {
            "post": _post("Assess one image (AI Library)", "Prediction", guarded=True)
        }
    description = f"{STATEMENT}. Model {card.name} {card.version}. {card.statement}"
    return {
        "openapi": "3.1.0",
        "info": {"title": "medpattern risk assessment", "version": __version__, "description": description},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _content(name: str, kind: str = "application/json") -> dict[str, Any]:
    return {"content": {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _answer(name: str, description: str, kind: str = "application/json") -> dict[str, Any]:
    return {"description": description, **_content(name, kind)}


def _get(summary: str, answer: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _answer(answer, summary)}}


def _post(summary: str, name: str, *, guarded: bool) -> dict[str, Any]:
    error = f"{name}Error"
    responses = {"200": _answer(f"{name}Answer", "The assessment")}
    responses |= {"400": _answer(error, "The request or the image cannot be read")}
    responses |= {"413": _answer(error, "The image is too large")}
    if guarded:
        responses |= {"401": _answer(error, "No bearer token, or a wrong one")}
    if name == "Prediction":
        responses |= {
            "403": _answer(error, "A bucket that is not the service's"),
            "404": _answer(error, "No such object"),
        }
        responses |= {"503": _answer(error, "The object store is away")}
    body = {"requestBody": {"required": True, **_content(f"{name}Request")}}
    security: dict[str, Any] = {"security": [{"token": []}]} if guarded else {}
    return {"summary": summary, **body, "responses": responses, **security}


def _events() -> dict[str, Any]:
    content: dict[str, Any] = {
        kind: {"schema": {}} for kind in ("application/cloudevents+json", "application/cloudevents-batch+json")
    }
    return {
        "summary": "CloudEvents of the object store's notifications: binary, structured or batched",
        "requestBody": {"required": True, "content": content | {"*/*": {"schema": {}}}},
        "responses": {
            "200": _answer("Handled", "Done, or not ours: no repeat is needed"),
            "422": _answer("Problem", "No repeat can help: a dead letter", "application/problem+json"),
            "500": _answer("Problem", "Not foreseen: repeat", "application/problem+json"),
            "503": _answer("Problem", "A dependency is away: hold back and repeat", "application/problem+json"),
        },
    }


def _object(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties} | ({"required": list(required)} if required else {})


def _schemas() -> dict[str, Any]:
    tensor = _object(
        ("name", "shape", "datatype"),
        name={"const": INPUT},
        shape={"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": MOST_IMAGES}, "maxItems": 2},
        datatype={"const": "BYTES"},
        data={"type": "array", "items": {"type": "string", "contentEncoding": "base64"}},
    )
    wanted = _object(("name",), name={"enum": list(OUTPUTS)})
    output = _object(("name", "shape", "datatype", "data"), name=_TEXT, datatype=_TEXT, data={"type": "array"})
    meta = _object(puid=_TEXT)
    status = _object(
        ("code", "status"), code={"type": "integer"}, info=_TEXT, reason=_TEXT, status={"const": "FAILURE"}
    )
    return {
        "Health": _object(live={"type": "boolean"}, ready={"type": "boolean"}),
        "ServerMetadata": _object(("name", "version", "extensions"), name=_TEXT, version=_TEXT),
        "ModelMetadata": _object(("name", "platform", "inputs", "outputs"), name=_TEXT, platform=_TEXT),
        "ModelReady": _object(("name", "ready"), name=_TEXT, ready={"type": "boolean"}),
        "InferenceRequest": _object(
            ("inputs",),
            id=_TEXT,
            inputs={"type": "array", "items": tensor, "minItems": 1, "maxItems": 1},
            outputs={"type": "array", "items": wanted},
        ),
        "InferenceAnswer": _object(
            ("model_name", "outputs"), model_name=_TEXT, model_version=_TEXT, outputs={"type": "array", "items": output}
        ),
        "InferenceError": _object(("error",), error=_TEXT),
        "PredictionRequest": {
            "oneOf": [_object(("strData",), strData=_TEXT, meta=meta), _object(("binData",), binData=_TEXT, meta=meta)]
        },
        "PredictionAnswer": _object(("meta",), meta=meta, strData=_TEXT, data=_object(("names", "ndarray"))),
        "PredictionError": _object(("status",), status=status),
        "Handled": {"type": "object", "additionalProperties": {"type": "integer"}},
        "Problem": _object(
            ("status", "reason", "retryable"), reason=_TEXT, detail=_TEXT, retryable={"type": "boolean"}, title=_TEXT
        ),
    }
