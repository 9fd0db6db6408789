"""What a provider call is asked: messages, tools and options for one target."""

from dataclasses import dataclass, field, replace

from providers.types import quirks
from providers.types.messages import ChatMessage, Json, Origin
from providers.types.quirks import Quirks


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSpec:
    """A function that the model may call. ``parameters`` is a JSON Schema."""

    name: str
    description: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOptions:
    """The options of a call. ``None`` or an empty value leaves the provider's own default.

    Each wire translates these into its provider's fields. For an option that the provider does not have, the wire
    raises ``LLMUnsupportedError`` before anything is sent.
    """

    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    #: ``minimal``, ``low``, ``medium`` or ``high``, or what the provider itself calls it.
    reasoning_effort: str | None = None
    #: Tokens for reasoning; 0 switches it off. A provider that supports efforts only receives a fitting one. If you
    #: give both, each provider receives the one that it supports.
    reasoning_budget: int | None = None
    #: Words at which the model stops, without saying them.
    stop_sequences: tuple[str, ...] = ()
    #: ``auto``, ``none``, ``required`` (some function), or the name of the one function to call.
    tool_choice: str | None = None
    #: A JSON Schema that the answer must follow.
    output_schema: Json | None = None
    #: How long the provider may keep the prompt for the next call: ``short`` (minutes) or ``long``.
    cache: str | None = None
    #: Fields of the provider's own, added to the body as they are.
    provider_options: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRequest:
    """One call. ``origin`` names the target: its wire, provider and model."""

    origin: Origin
    messages: tuple[ChatMessage, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    options: ModelOptions = ModelOptions()
    #: How the target's server differs from its wire.
    quirks: Quirks = quirks.NONE
    #: Ids of calls that the conversation has already; the answer's calls get other ones.
    used_call_ids: frozenset[str] = frozenset()

    def made_for(self, origin: Origin, quirks: Quirks) -> "ModelRequest":
        """Return the same request for another target.

        One provider's own fields are no other's, and a turn that a wire has refused is not sent to it again.
        """
        options = self.options
        if origin.provider != self.origin.provider:
            options = replace(options, provider_options={})
        messages = tuple(message for message in self.messages if message.refused_by != origin.wire)
        return replace(self, origin=origin, quirks=quirks, options=options, messages=messages)
