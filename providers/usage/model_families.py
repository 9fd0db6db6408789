"""What models can, by the names of their families: price lists do not say, and not every provider's own list does.

Vendors document these abilities for a family and its successors. A family that is not here has no abilities that we know.
"""

import re

from providers.types.listed_model import Ability

_SEES = frozenset({Ability.IMAGES})
_READS = frozenset({Ability.IMAGES, Ability.DOCUMENTS})
_LISTENS = frozenset({Ability.AUDIO})
_THINKS = frozenset({Ability.THINKING})
_CALLS = frozenset({Ability.TOOLS})

#: Characters of a name that are looked at.
_LONGEST = 200

#: A pattern that is looked for in a name, and what models with such a name can. All that match count.
_FAMILIES = tuple(
    (re.compile(pattern), abilities)
    for pattern, abilities in (
        # https://platform.claude.com/docs/en/about-claude/models/overview
        (r"claude-(3|[a-z]+-[4-9])", _READS | _CALLS),
        (r"claude-(3[-.]7|[a-z]+-[4-9])", _THINKS),
        # https://platform.openai.com/docs/models
        (
            r"(gpt-4(o(?!.*search)|\.1|\.5|-turbo)|gpt-[5-9]|chatgpt-4o|\bo(1|3|4)\b(?!-(mini|preview))|\bo4-mini)",
            _READS,
        ),
        (r"(gpt-(3\.5-turbo|4|[5-9]|oss)|\bo(1(?!-mini|-preview)|3|4)\b)(?!.*(search|chat-latest))", _CALLS),
        (r"(\bo[134]\b|gpt-oss|gpt-[5-9](?!.*chat)|codex)", _THINKS),
        # https://ai.google.dev/gemini-api/docs/models
        (r"gemini-((flash|pro)-)?(1\.5|[2-9])", _READS | _LISTENS | _CALLS),
        (r"gemini-(2\.5|[3-9])", _THINKS),
        (r"gemma-?[3-9](?!.*-1b)", _SEES),
        # https://docs.mistral.ai/getting-started/models
        (r"(pixtral|mistral-(medium-3|small-(3\.[1-9]|4|2503|2506)|large-(3|2512)))", _SEES),
        (r"(mistral-(large|medium|small|nemo)|ministral|pixtral|magistral|devstral)", _CALLS),
        (r"magistral", _THINKS),
        # https://docs.x.ai/docs/models
        (r"grok-(2-vision|[4-9])", _SEES),
        (r"grok-([2-9]|code)", _CALLS),
        (r"grok-(3-mini|code|[4-9](?!.*non-reasoning))", _THINKS),
        # https://api-docs.deepseek.com
        (r"deepseek[-_](chat|reasoner|v[3-9])", _CALLS),
        (r"deepseek[-_](r\d|reasoner|v3[.p]1|v[4-9])", _THINKS),
        # https://www.llama.com/docs/model-cards-and-prompt-formats
        (r"llama-?(3\.2-(11|90)b|4)", _SEES),
        (r"llama-?(3[.p-][1-9]|v3p[1-9]|4)(?!.*guard)", _CALLS),
        # https://qwen.readthedocs.io
        (r"^(?=.*-(vl|omni)).*qwen", _SEES),
        (r"qwen-?(2\.5|[3-9])(?!.*(embed|guard))", _CALLS),
        (r"(qwq|qwen-?[3-9](?!.*(instruct|coder)))", _THINKS),
        (r"^(?=.*thinking).*(qwen|kimi-k2)", _THINKS),
        # https://platform.moonshot.ai/docs
        (r"kimi-k(2[.p][5-9]|[3-9])", _SEES | _THINKS),
        (r"kimi-k[2-9]", _CALLS),
        # https://docs.z.ai/guides
        (r"glm-[4-9](\.\d)?v", _SEES),
        (r"glm-(4[.p][5-9]|[5-9])(?!.*ocr)", _CALLS | _THINKS),
        # https://docs.cohere.com/docs/models
        (r"command-[ar]", _CALLS),
        (r"command-a-vision", _SEES),
        (r"command-a-reasoning", _THINKS),
        # https://platform.minimax.io/docs
        (r"minimax-m[1-9]", _CALLS | _THINKS),
        # https://docs.aws.amazon.com/nova
        (r"nova-(2-)?(lite|pro|premier|omni)", _READS),
        (r"nova-(2-)?(micro|lite|pro|premier|omni)", _CALLS),
        (r"nova-2", _THINKS),
        # https://docs.perplexity.ai/getting-started/models
        (r"sonar-(reasoning|deep-research)", _THINKS),
    )
)


def abilities_of(model: str) -> frozenset[Ability]:
    """Return what a model can as far as its name says, whatever stands before and behind the name of its family."""
    name = model[:_LONGEST].lower()
    found = (abilities for pattern, abilities in _FAMILIES if pattern.search(name))
    return frozenset().union(*found)
