"""How a server differs from its wire's own vendor: data for the wires and the adapter. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Quirks:
    """The differences of one provider. The defaults describe the wire's own vendor."""

    #: Whether the server only speaks the wire's format: what its vendor takes and refuses is not known of it.
    is_compatible: bool = False
    #: The field that limits a Chat Completions answer; most compatible servers know only the older one.
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    #: Whether usage must be asked for with ``stream_options``; some servers send it always and refuse the field.
    asks_for_usage: bool = True
    #: How a reasoning effort is asked for on Chat Completions: as ``reasoning_effort``, as OpenRouter's
    #: ``reasoning.effort``, as Z.ai's ``thinking.type``, as DeepSeek's, which takes both, or not at all.
    effort: Literal["reasoning_effort", "reasoning", "thinking", "thinking_effort"] | None = (
        "reasoning_effort"
    )
    #: The field of an assistant's message in which its thoughts go back on Chat Completions; ``None``: only
    #: those that came as ``reasoning_content``, and only with the calls that they led to.
    thoughts_go_back_as: str | None = None
    #: Whether an answer that holds only thoughts is the answer: they are said again, as its text, at its end.
    thoughts_may_be_the_answer: bool = False
    #: Whether thoughts may stand in tags before the answer, because the server passes on what any model writes.
    thoughts_may_be_in_tags: bool = False
    #: Whether a JSON schema can be demanded; elsewhere only that the answer is JSON.
    takes_json_schema: bool = True
    #: Whether a prompt's cache is asked for in OpenAI's fields; elsewhere such a hint is not sent.
    takes_cache_key: bool = True
    #: Whether Responses is asked for sealed thoughts whatever the model is called; OpenAI's own models without
    #: thoughts refuse to be asked.
    seals_thoughts: bool = False
    #: Letters and digits that a call's id must have on Chat Completions; ``None``: any id will do.
    call_id_length: int | None = None
    #: Whether Responses wants instructions even where the caller gave none.
    needs_instructions: bool = False
    #: Options that Responses has here no words for, by the names that they have there and here.
    refuses: frozenset[str] = frozenset()


#: The vendor's own server, without quirks.
NONE = Quirks()
