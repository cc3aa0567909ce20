"""The OpenAPI document as a page to read, which needs no other host: it works where this does."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; padding: .3rem 0 }
code, pre { font: .9em/1.5 ui-monospace, monospace }
pre { overflow: auto; padding: .8rem; border: 1px solid; border-radius: .4rem }
b { display: inline-block; min-width: 4rem }
td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0 }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
"""What a browser may load for the page: nothing but its own style."""


def page_of(document: dict[str, Any]) -> str:
    """The page."""
    about = document["info"]
    return "".join(
        (
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(about['title'])}: HTTP API</title><style>{STYLE}</style>",
            f"<main><h1>{escape(about['title'])}: HTTP API</h1>",
            *(f"<p>{escape(part)}</p>" for part in about["description"].split("\n\n")),
            '<p><a href="/v1/openapi.json">The OpenAPI document</a>, ',
            '<a href="/refusals">what refusals mean</a>.</p>',
            *_operations(document),
            "</main></html>",
        )
    )


def _operations(document: dict[str, Any]) -> Iterator[str]:
    tag = ""
    found = [
        (operation.get("tags", [""])[0], path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    order = list(dict.fromkeys(each for each, *_ in found))
    for each, path, method, operation in sorted(found, key=lambda one: order.index(one[0])):
        if each != tag:
            tag = each
            yield f"<h2>{escape(tag)}</h2>"
        yield (
            f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
            f"{escape(operation['summary'])}</summary><p>{escape(operation['description'])}</p>"
        )
        yield from _parameters(operation.get("parameters", ()))
        yield from _body(operation.get("requestBody", {}))
        yield from _answers(operation["responses"])
        yield "</details>"


def _parameters(parameters: Any) -> Iterator[str]:
    rows = [
        f"<tr><td><code>{escape(one['name'])}</code><td>{one['in']}"
        f"<td>{'needed' if one['required'] else ''}<td>{escape(one.get('description', ''))}"
        for one in parameters
    ]
    if rows:
        yield f"<table>{''.join(rows)}</table>"


def _body(body: dict[str, Any]) -> Iterator[str]:
    for content in body.get("content", {}).values():
        yield f"<p>Send <code>{_name(content['schema'])}</code>:</p>"
        if "example" in content:
            text = json.dumps(content["example"], indent=2, ensure_ascii=False)
            yield f"<pre>{escape(text)}</pre>"


def _answers(answers: dict[str, Any]) -> Iterator[str]:
    rows = []
    for status, answer in answers.items():
        schemas = [one["schema"] for one in answer.get("content", {}).values()]
        names = " ".join(f"<code>{_name(schema)}</code>" for schema in schemas)
        rows.append(f"<tr><th>{status}<td>{names}<td>{escape(answer['description'])}")
    yield f"<table>{''.join(rows)}</table>"


def _name(schema: dict[str, Any]) -> str:
    return escape(schema.get("$ref", "").rpartition("/")[2])
