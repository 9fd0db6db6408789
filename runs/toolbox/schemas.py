"""Reduces JSON Schemas of tools to what every provider accepts, without losing an argument. Pure.

Removed rules still apply when the tool is called: a model then gets an error message.
Sources: https://platform.openai.com/docs/guides/function-calling (arrays need ``items``, no ``anyOf`` at
the top), https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use (no ``anyOf`` at the
top, names of arguments), https://ai.google.dev/gemini-api/docs/structured-output#json_schema_support (keywords).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from providers.types import Json
from runs.toolbox.schema_merging import conditional, fields_in, merged, names_in, schemas_in
from runs.toolbox.schema_parts import all_names, anchors, child, inside, is_named
from runs.toolbox.schema_values import kinds_of, values_of

#: Names of arguments that all providers accept.
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_UNFIT = re.compile(r"[^a-zA-Z0-9_.-]")
_LONGEST_NAME = 64
#: Subschemas of one tool after references are resolved. A schema with two references to itself doubles at
#: each level.
_MOST_PARTS = 2_000
#: Levels of nested subschemas.
_DEEPEST = 30

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class UnusableSchema(ValueError):  # noqa: N818 - it names what the schema is
    """The schema cannot be offered to a model; the message gives the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainSchema:
    """A tool's arguments as providers take them."""

    parameters: Json
    #: The tool's own names of the arguments that have another name in ``parameters``, by that other name.
    renamed: dict[str, str] = field(default_factory=dict)


def plain(schema: Mapping[str, Any]) -> Json:
    """Return the parameters of ``simplified(schema)``.

    Raises:
        UnusableSchema: as ``simplified``, or one of the arguments has a name that a provider refuses.
    """
    found = simplified(schema)
    for name in found.renamed.values():
        raise UnusableSchema(
            f"its argument {name[:80]!r} has a name that providers refuse: it may have letters, digits, _, . and -, "
            f"{_LONGEST_NAME} at most"
        )
    return found.parameters


def simplified(schema: Mapping[str, Any]) -> PlainSchema:
    """Return the schema of a tool's arguments without references, titles and unsupported keywords.

    Raises:
        UnusableSchema: the schema is not of an object, has a broken reference, or is too large.
    """
    simplifier = _Simplifier(schema)
    try:
        part = simplifier.part(schema)
    except RecursionError:
        raise UnusableSchema("it is too large") from None
    kinds = kinds_of(part)
    if kinds and "object" not in kinds:
        raise UnusableSchema("its arguments are no object")
    return PlainSchema(parameters=_object(part), renamed=simplifier.renamed)


def restored(arguments: Any, parameters: Any, renamed: Mapping[str, str]) -> Any:
    """Return a model's ``arguments`` with the tool's own names.

    Args:
        arguments: the arguments, or a value within them.
        parameters: their simplified schema.
        renamed: ``PlainSchema.renamed``.
    """
    if not renamed or not isinstance(parameters, Mapping):
        return arguments
    if isinstance(arguments, list):
        return [restored(each, parameters.get("items"), renamed) for each in arguments]
    if not isinstance(arguments, dict):
        return arguments
    known: Json = {}
    for option in (parameters, *parameters.get("anyOf", ())):
        known |= {name: part for name, part in option.get("properties", {}).items() if name not in known}
    other = parameters.get("additionalProperties")
    return {
        renamed.get(name, name) if name in known else name: restored(value, known.get(name, other), renamed)
        for name, value in arguments.items()
    }


def _object(part: Json) -> Json:
    """Return the schema of an object with the arguments of all alternatives, as no provider takes any at the top."""
    result: Json = {"type": "object", "properties": dict(part.get("properties", {}))}
    options = (_object(option) if "anyOf" in option else option for option in part.get("anyOf", ()))
    alternatives = [option for option in options if "object" in (kinds_of(option) or ("object",))]
    for option in alternatives:
        _join(result["properties"], option.get("properties", {}))
    always = [set(option.get("required", ())) for option in alternatives]
    common = set.intersection(*always) if always else set()
    own = part.get("required", ())
    if required := [name for name in result["properties"] if name in own or name in common]:
        result["required"] = required
    if isinstance(words := part.get("description"), str):
        result["description"] = words
    open_or_closed = part.get("additionalProperties")
    if open_or_closed is not None and not (alternatives and open_or_closed is False):
        result["additionalProperties"] = open_or_closed
    return result


def _join(known: Json, more: Json) -> None:
    """Add the properties ``more``; one that is known in another form may have either."""
    for name, part in more.items():
        before = known.get(name)
        if not before or before == part:
            known[name] = part
        elif part:
            options = before["anyOf"] if before.keys() == {"anyOf"} else [before]
            if part not in options:
                known[name] = {"anyOf": [*options, part]}


class _Simplifier:
    """Simplifies one schema with all its subschemas."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._count = 0
        self._sent: dict[str, str] = {}

    @property
    def renamed(self) -> dict[str, str]:
        """The original names of the arguments that have another name now."""
        return {sent: name for name, sent in self._sent.items() if sent != name}

    def part(self, schema: Any, seen: tuple[str, ...] = (), depth: int = 0) -> Json:
        """Return one simplified subschema; ``seen`` holds the references on the path to it."""
        self._count += 1
        if self._count > _MOST_PARTS or depth > _DEEPEST:
            raise UnusableSchema("it is too large")
        if not isinstance(schema, Mapping):
            # JSON Schema allows True (any value) and False (no value).
            return {}
        schema, seen = self._resolved(schema, seen)
        result = values_of(schema)
        self._add_fields(schema, result, seen, depth)
        self._add_items(schema, result, seen, depth)
        self._add_options(schema, result, seen, depth)
        return result

    def _resolved(
        self, schema: Mapping[str, Any], seen: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Return ``schema`` with its references and ``allOf`` resolved, and ``seen`` with those references."""
        name = next((name for name in _REFERENCES if isinstance(schema.get(name), str)), None)
        if name is not None:
            reference = schema[name]
            target = self._find(reference)
            if reference in seen:
                # A recursive schema is expanded once.
                target = {key: target[key] for key in ("type", "description") if key in target}
            seen = (*seen, reference)
            siblings = {key: value for key, value in schema.items() if key != name}
            return self._resolved(merged(target, siblings), seen)
        all_of = schema.get("allOf")
        if not isinstance(all_of, list):
            return schema, seen
        result: Mapping[str, Any] = {}
        for each in all_of:
            if isinstance(each, Mapping):
                self._count += 1
                if self._count > _MOST_PARTS or len(seen) > _MOST_PARTS:
                    raise UnusableSchema("it is too large")
                inner, seen = self._resolved(each, seen)
                result = merged(result, inner)
        own = {key: value for key, value in schema.items() if key != "allOf"}
        return merged(result, own), seen

    def _find(self, reference: str) -> Mapping[str, Any]:
        """Return the subschema that ``reference`` names: by a pointer, or by an anchor."""
        base = self._root.get("$id", self._root.get("id"))
        if isinstance(base, str) and base and reference.startswith(base.rstrip("#")):
            reference = "#" + reference[len(base.rstrip("#")) :].lstrip("#")
        if (
            named := next((each for each in inside(self._root) if is_named(each, reference)), None)
        ) is not None:
            return named
        if not reference.startswith("#"):
            raise UnusableSchema(f"it refers to {reference}, which is somewhere else")
        pointer = unquote(reference[1:])
        node: Any = self._root
        if pointer and not pointer.startswith("/"):
            node = next((each for each in inside(self._root) if pointer in anchors(each)), None)
        else:
            for step in pointer.split("/")[1:]:
                node = child(node, step.replace("~1", "/").replace("~0", "~"))
        if isinstance(node, bool):
            return {}
        if not isinstance(node, Mapping):
            raise UnusableSchema(f"it refers to {reference}, which is not there")
        return node

    def _add_fields(self, schema: Mapping[str, Any], result: Json, seen: tuple[str, ...], depth: int) -> None:
        """Add the fields of an object, and which of them are required."""
        given = fields_in(schema.get("properties"))
        optional: Json = {}
        for condition in conditional(schema):
            inner, _ = self._resolved(condition, seen)
            optional |= fields_in(inner.get("properties"))
        names = names_in(schema.get("required"))
        kinds = kinds_of(result)
        if kinds and "object" not in kinds:
            return
        if not (kinds or given or optional or names):
            return
        result.setdefault("type", "object")
        fields = optional | given
        names += [
            name for name, part in given.items() if isinstance(part, Mapping) and part.get("required") is True
        ]
        additional = schema.get("additionalProperties")
        if additional is not False:
            # A field that must be there is one that a model must be able to give.
            fields |= {name: {} for name in names if name not in fields}
        if fields or "properties" in schema:
            result["properties"] = {
                self._name(name): self.part(part, seen, depth + 1) for name, part in fields.items()
            }
        if required := [self._name(name) for name in dict.fromkeys(names) if name in fields]:
            result["required"] = required
        if isinstance(additional, bool) and "patternProperties" not in schema:
            result["additionalProperties"] = additional
        elif isinstance(additional, Mapping):
            result["additionalProperties"] = self.part(additional, seen, depth + 1)

    def _name(self, name: str) -> str:
        """Return the name of an argument as providers take it, the same each time and no other argument's."""
        if name in self._sent:
            return self._sent[name]
        sent = name
        if not _NAME.fullmatch(name):
            sent = _UNFIT.sub("_", name)[:_LONGEST_NAME] or "_"
            taken = {*self._sent.values(), *self._sent}
            count = 1
            while sent in taken or sent in all_names(self._root):
                count += 1
                end = f"_{count}"
                sent = f"{_UNFIT.sub('_', name)[: _LONGEST_NAME - len(end)]}{end}"
        self._sent[name] = sent
        return sent

    def _add_items(self, schema: Mapping[str, Any], result: Json, seen: tuple[str, ...], depth: int) -> None:
        """Add the schema of an array's items; those of a tuple become alternatives."""
        kinds = kinds_of(result)
        items, prefix = schema.get("items"), schema.get("prefixItems")
        if isinstance(items, list):
            items, prefix = schema.get("additionalItems"), items
        if not kinds and (isinstance(items, Mapping) or isinstance(prefix, list)):
            result["type"], kinds = "array", ("array",)
        if "array" not in kinds:
            return
        if isinstance(prefix, list) and prefix:
            options = [self.part(each, seen, depth + 1) for each in prefix]
            distinct = [each for index, each in enumerate(options) if each not in options[:index]]
            result["items"] = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
        else:
            result["items"] = self.part(items, seen, depth + 1)

    def _add_options(
        self, schema: Mapping[str, Any], result: Json, seen: tuple[str, ...], depth: int
    ) -> None:
        """Add the alternatives of ``anyOf`` and ``oneOf``."""
        given = [each for name in ("anyOf", "oneOf") for each in schemas_in(schema.get(name))]
        options: list[Json] = []
        for each in given:
            option = self.part(each, seen, depth + 1)
            if option not in options:
                options.append(option)
        if schema.get("nullable") is True and options and {"type": "null"} not in options:
            options.append({"type": "null"})
        if options:
            result["anyOf"] = options
