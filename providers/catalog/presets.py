"""Every provider that Runnel knows by name: its wire, its settings and its quirks. Pure.

To add a provider, add its preset here and its settings. ``quirks`` says how a provider's server differs from
the server of the wire's own vendor; the comment above a preset names the page that documents it.
"""

from dataclasses import replace

from providers.catalog.preset import Preset, azure, bedrock, hosted, own, vertex
from providers.types.quirks import Quirks

#: Other vendors' servers know only the older fields of Chat Completions, and some refuse all others.
_COMPATIBLE = Quirks(is_compatible=True, output_limit="max_tokens", takes_cache_key=False)
#: Self-hosted servers run any model, often with a reasoning parser that does not fit the model.
_LOCAL = replace(_COMPATIBLE, thoughts_may_be_the_answer=True, thoughts_may_be_in_tags=True)

PRESETS = {
    preset.slug: preset
    for preset in (
        hosted(
            "openai", "OpenAI", wire="openai-responses", models=("gpt-5.5", "gpt-5.4-mini", "gpt-5.4-nano")
        ),
        hosted("openai-chat", "OpenAI Chat Completions", name="OPENAI", models=("gpt-5.5", "gpt-4.1-mini")),
        hosted(
            "anthropic",
            "Anthropic",
            wire="anthropic-messages",
            models=("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5"),
        ),
        hosted(
            "gemini",
            "Google Gemini",
            wire="gemini-generate",
            address="GOOGLE_GEMINI_BASE_URL",
            models=("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-3.1-flash-lite"),
        ),
        Preset(
            slug="emulator",
            label="Built-in emulator",
            wire="anthropic-messages",
            needs=("RUNNEL_EMULATOR",),
            lists_models=False,
            models=("hello", "long", "reasoning", "tools", "silent", "fast"),
        ),
        # https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
        azure("azure", "Azure OpenAI", wire="openai-responses"),
        # For deployments of other vendors' models, which do not support Responses.
        azure("azure-chat", "Azure OpenAI Chat Completions", wire="openai-chat"),
        # AWS recommends this endpoint for new code. It accepts a key, and then needs no extra package.
        # https://docs.aws.amazon.com/bedrock/latest/userguide/inference-messages-api.html
        bedrock(
            "bedrock",
            "Claude on Amazon Bedrock",
            key="AWS_BEARER_TOKEN_BEDROCK",
            models=("anthropic.claude-opus-4-8", "anthropic.claude-haiku-4-5"),
        ),
        # The older endpoint, with inference profiles. It needs permissions that many accounts have already.
        bedrock(
            "bedrock-runtime",
            "Claude on Amazon Bedrock (InvokeModel)",
            models=("global.anthropic.claude-sonnet-4-5-20250929-v1:0",),
        ),
        vertex(
            "vertex",
            "Gemini on Google Vertex AI",
            wire="gemini-generate",
            models=("gemini-3.8-flash", "gemini-3.1-pro-preview"),
        ),
        vertex(
            "vertex-anthropic",
            "Claude on Google Vertex AI",
            wire="anthropic-messages",
            models=("claude-sonnet-5-5", "claude-opus-5-5"),
        ),
        # A subscription. Its server is made for the client Codex and refuses fields that Codex does not send.
        # https://github.com/openai/codex/tree/main/codex-rs/model-provider-info
        Preset(
            slug="chatgpt",
            label="ChatGPT subscription",
            wire="openai-responses",
            needs=("CHATGPT_ACCESS_TOKEN",),
            key="CHATGPT_ACCESS_TOKEN",
            address="CHATGPT_BASE_URL",
            base_url="https://chatgpt.com/backend-api/codex",
            headers=(("originator", "runnel"),),
            header_settings=(("chatgpt-account-id", "CHATGPT_ACCOUNT_ID"),),
            lists_models=False,
            models=("gpt-5.5",),
            quirks=Quirks(
                is_compatible=True,
                takes_cache_key=False,
                needs_instructions=True,
                refuses=frozenset({"max_output_tokens", "temperature", "top_p"}),
            ),
        ),
        # After function calls, its models require their earlier reasoning in the request.
        # https://api-docs.deepseek.com/guides/thinking_mode
        hosted(
            "deepseek",
            "DeepSeek",
            "https://api.deepseek.com",
            quirks=replace(
                _COMPATIBLE,
                effort="thinking_effort",
                thoughts_go_back_as="reasoning_content",
                thoughts_may_be_the_answer=True,
                takes_json_schema=False,
            ),
            models=("deepseek-v4-flash", "deepseek-v4-pro"),
        ),
        # https://docs.z.ai/guides/overview/concept-param
        hosted(
            "zai",
            "Z.ai",
            "https://api.z.ai/api/paas/v4",
            quirks=replace(
                _COMPATIBLE,
                asks_for_usage=False,
                effort="thinking",
                thoughts_go_back_as="reasoning_content",
                takes_json_schema=False,
            ),
            models=("glm-5.2",),
        ),
        # Chat Completions is deprecated there, and its requests have no field for earlier reasoning.
        # https://docs.x.ai/developers/model-capabilities/text/best-practices
        hosted(
            "xai",
            "xAI",
            "https://api.x.ai/v1",
            wire="openai-responses",
            quirks=Quirks(is_compatible=True, seals_thoughts=True),
            models=("grok-4.5", "grok-4.3"),
        ),
        # https://console.groq.com/docs/openai
        hosted(
            "groq",
            "Groq",
            "https://api.groq.com/openai/v1",
            quirks=Quirks(is_compatible=True, takes_cache_key=False),
            models=("openai/gpt-oss-120b", "openai/gpt-oss-20b"),
        ),
        # Its server refuses unknown fields, `stream_options` included, and call ids of other vendors.
        # https://docs.mistral.ai/api
        hosted(
            "mistral",
            "Mistral",
            "https://api.mistral.ai/v1",
            quirks=replace(_COMPATIBLE, asks_for_usage=False, call_id_length=9),
            models=("mistral-small-latest", "mistral-large-latest"),
        ),
        # https://openrouter.ai/docs/use-cases/reasoning-tokens
        hosted(
            "openrouter",
            "OpenRouter",
            "https://openrouter.ai/api/v1",
            quirks=replace(_COMPATIBLE, effort="reasoning"),
            models=("openrouter/auto",),
        ),
        # https://docs.together.ai/reference/chat-completions
        hosted(
            "together",
            "Together AI",
            "https://api.together.ai/v1",
            quirks=_COMPATIBLE,
            models=("openai/gpt-oss-120b",),
        ),
        # https://docs.fireworks.ai/guides/reasoning
        hosted(
            "fireworks",
            "Fireworks AI",
            "https://api.fireworks.ai/inference/v1",
            quirks=replace(_COMPATIBLE, thoughts_go_back_as="reasoning_content"),
            models=("accounts/fireworks/models/gpt-oss-120b",),
        ),
        own("ollama", "Ollama", base_path="/v1", quirks=_LOCAL),
        own("vllm", "vLLM", base_path="/v1", quirks=_LOCAL),
        own("lmstudio", "LM Studio", base_path="/v1", quirks=_LOCAL),
        own(
            "openai-compatible",
            "A server that speaks Chat Completions",
            prefix="RUNNEL_",
            base_path="/v1",
            quirks=_LOCAL,
        ),
        own(
            "anthropic-compatible",
            "A server that speaks Anthropic Messages",
            prefix="RUNNEL_",
            key_header="x-api-key",
            wire="anthropic-messages",
            quirks=Quirks(is_compatible=True),
        ),
        own(
            "gemini-compatible",
            "A server that speaks Gemini",
            prefix="RUNNEL_",
            wire="gemini-generate",
            quirks=Quirks(is_compatible=True),
        ),
    )
}
