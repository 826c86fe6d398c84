"""Whether a JSON document of hibtool follows its schema in docs/schema. Nothing is fetched: a $ref names a file of that folder."""

import functools
import json
from pathlib import Path

import jsonschema

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "docs" / "schema"
SHOWN_BYTES = 300

@functools.cache
def schemas():
    """File name without .json -> schema."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json"))}


@functools.cache
def _validator(name):
    schema = schemas()[name]
    every = [(one["$id"], one) for one in schemas().values()]
    try:
        from referencing import Registry, Resource  # jsonschema since 4.18
    except ImportError:
        return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver.from_schema(schema, store=dict(every)))
    registry = Registry().with_resources((place, Resource.from_contents(one)) for place, one in every)
    return jsonschema.Draft202012Validator(schema, registry=registry)


def _described(error):
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".")
    return f"{place or 'document'}: {error.message}"[:SHOWN_BYTES]


def schema_of(document):
    """The name of the schema that a document has to follow; None: it names none."""
    return document.get("schema") if isinstance(document, dict) else None


def problems(document):
    """What is wrong with a document, a line for each; an empty list: it follows its schema."""
    name = schema_of(document)
    if name not in schemas() or name == "common":
        return [f"document: no schema of {name!r} in docs/schema"]
    return [_described(error) for error in _validator(name).iter_errors(document)]


def loads(text):
    """A document as json.loads() makes it; one that does not follow its schema fails the test."""
    document = json.loads(text)
    found = problems(document)
    if found:
        raise AssertionError("\n".join([f"{document.get('schema')} does not follow docs/schema:", *found]))
    return document
