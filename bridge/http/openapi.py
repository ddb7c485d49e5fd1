"""The OpenAPI description of what HTTP serves, made from the structs that read it and the rows of the address table."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from bridge.arguments import usage
from bridge.http.command import Answer, Command
from bridge.http.speech import FORMATS, SpeechWish
from bridge.routes import API_LEVEL, ROUTES

Document = dict[str, Any]


class Problem(msgspec.Struct):
    """Why a request was not done."""

    status: str
    code: str
    text: str


@cache
def document() -> Document:
    """Return the description."""
    _, schemas = msgspec.json.schema_components(
        (Command, Answer, SpeechWish, Problem), ref_template="#/components/schemas/{name}"
    )
    addresses = "\n".join(f"* `{route.address}` `{usage(route)}`: {route.help}" for route in ROUTES)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Cuevox", "version": str(API_LEVEL), "description": "A speaking instrument, over HTTP."},
        "paths": {
            "/command": {"post": _command(addresses)},
            "/connect": {"post": _connect()},
            "/events": {"get": _events()},
            "/v1/audio/speech": {"post": _speech()},
        },
        "components": {"schemas": schemas},
    }


def _command(addresses: str) -> Document:
    answers = {"oneOf": [_ref("Answer"), _object({"answers": {"type": "array", "items": _ref("Answer")}})]}
    good = {code: _response(says, answers) for code, says in (("200", "It is done."), ("202", "It will be done."))}
    refused = {"anyOf": [*answers["oneOf"], _ref("Problem")]}
    bad = {
        code: _response(says, refused)
        for code, says in (
            ("400", "The command is wrong."), ("403", "It needs another right."), ("404", "There is no such thing."),
            ("409", "Not now."), ("413", "That is too much."), ("429", "Too much waits already."),
            ("500", "The engine could not do it."),
        )
    }  # fmt: skip
    return {
        "summary": "Do what an OSC address does.",
        "description": f"The addresses:\n\n{addresses}",
        "operationId": "command",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("Command")}}},
        "responses": good | bad,
    }


def _connect() -> Document:
    given = _object({"response": {"type": "string"}}, required=[])
    told = _object({k: {"type": "string"} for k in ("right", "challenge", "token")}, required=["right"])
    return {
        "summary": "Ask for a challenge, or answer it for a token.",
        "operationId": "connect",
        "requestBody": {"content": {"application/json": {"schema": given}}},
        "responses": {
            "200": _response("A challenge, or a token.", told),
            **{code: _response("Not so.", _ref("Problem")) for code in ("400", "403", "429")},
        },
    }


def _events() -> Document:
    parameters = [
        {"name": "pattern", "in": "query", "schema": {"type": "array", "items": {"type": "string"}, "maxItems": 32}},
        {"name": "interval_ms", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 60_000}},
    ]
    return {
        "summary": "Hear present values, changes and events as server-sent events.",
        "operationId": "events",
        "parameters": parameters,
        "responses": {
            "200": {"description": "A stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
            "400": _response("A pattern is wrong.", _ref("Problem")),
            "403": _response("It needs another right.", _ref("Problem")),
        },
    }


def _speech() -> Document:
    audio = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(set(FORMATS.values()))}
    return {
        "summary": "Speak a text into the response, streamed.",
        "operationId": "speech",
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("SpeechWish")}}},
        "responses": {
            "200": {"description": "Sound.", "content": audio},
            **{code: _response("Not so.", _ref("Problem")) for code in ("400", "403", "404", "413", "429", "500")},
        },
    }


def _ref(name: str) -> Document:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Document, required: list[str] | None = None) -> Document:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def _response(says: str, schema: Document) -> Document:
    return {"description": says, "content": {"application/json": {"schema": schema}}}
