"""Providers and tools: keys and addresses, and the limits, retries and options of calls."""

from pathlib import Path

from project.environment import boolean, number, text, whole, words
from project.settings.installation import DEBUG

# Keys and base URLs of the providers in providers/catalog/presets.py.
OPENAI_API_KEY, OPENAI_BASE_URL = text("OPENAI_API_KEY"), text("OPENAI_BASE_URL")
ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL = text("ANTHROPIC_API_KEY"), text("ANTHROPIC_BASE_URL")
GEMINI_API_KEY = text("GEMINI_API_KEY") or text("GOOGLE_API_KEY")
GOOGLE_GEMINI_BASE_URL = text("GOOGLE_GEMINI_BASE_URL")
AZURE_OPENAI_API_KEY = text("AZURE_OPENAI_API_KEY")
AZURE_OPENAI_ENDPOINT = text("AZURE_OPENAI_ENDPOINT")
AWS_REGION = text("AWS_REGION") or text("AWS_DEFAULT_REGION")
AWS_BEARER_TOKEN_BEDROCK = text("AWS_BEARER_TOKEN_BEDROCK")
GOOGLE_CLOUD_PROJECT = text("GOOGLE_CLOUD_PROJECT")
GOOGLE_CLOUD_LOCATION = text("GOOGLE_CLOUD_LOCATION", "global")
CHATGPT_ACCESS_TOKEN = text("CHATGPT_ACCESS_TOKEN")
CHATGPT_ACCOUNT_ID = text("CHATGPT_ACCOUNT_ID")
CHATGPT_BASE_URL = text("CHATGPT_BASE_URL")
DEEPSEEK_API_KEY, DEEPSEEK_BASE_URL = text("DEEPSEEK_API_KEY"), text("DEEPSEEK_BASE_URL")
ZAI_API_KEY, ZAI_BASE_URL = text("ZAI_API_KEY"), text("ZAI_BASE_URL")
XAI_API_KEY, XAI_BASE_URL = text("XAI_API_KEY"), text("XAI_BASE_URL")
GROQ_API_KEY, GROQ_BASE_URL = text("GROQ_API_KEY"), text("GROQ_BASE_URL")
MISTRAL_API_KEY, MISTRAL_BASE_URL = text("MISTRAL_API_KEY"), text("MISTRAL_BASE_URL")
OPENROUTER_API_KEY, OPENROUTER_BASE_URL = text("OPENROUTER_API_KEY"), text("OPENROUTER_BASE_URL")
TOGETHER_API_KEY, TOGETHER_BASE_URL = text("TOGETHER_API_KEY"), text("TOGETHER_BASE_URL")
FIREWORKS_API_KEY, FIREWORKS_BASE_URL = text("FIREWORKS_API_KEY"), text("FIREWORKS_BASE_URL")
# Self-hosted servers. The base URL enables them; most need no key.
OLLAMA_API_KEY, OLLAMA_BASE_URL = text("OLLAMA_API_KEY"), text("OLLAMA_BASE_URL")
VLLM_API_KEY, VLLM_BASE_URL = text("VLLM_API_KEY"), text("VLLM_BASE_URL")
LMSTUDIO_API_KEY, LMSTUDIO_BASE_URL = text("LMSTUDIO_API_KEY"), text("LMSTUDIO_BASE_URL")
RUNNEL_OPENAI_COMPATIBLE_API_KEY = text("RUNNEL_OPENAI_COMPATIBLE_API_KEY")
RUNNEL_OPENAI_COMPATIBLE_BASE_URL = text("RUNNEL_OPENAI_COMPATIBLE_BASE_URL")
RUNNEL_ANTHROPIC_COMPATIBLE_API_KEY = text("RUNNEL_ANTHROPIC_COMPATIBLE_API_KEY")
RUNNEL_ANTHROPIC_COMPATIBLE_BASE_URL = text("RUNNEL_ANTHROPIC_COMPATIBLE_BASE_URL")
RUNNEL_GEMINI_COMPATIBLE_API_KEY = text("RUNNEL_GEMINI_COMPATIBLE_API_KEY")
RUNNEL_GEMINI_COMPATIBLE_BASE_URL = text("RUNNEL_GEMINI_COMPATIBLE_BASE_URL")

#: Whether a provider or an MCP server entered in the admin may have a loopback address, also with http.
RUNNEL_ALLOW_LOOPBACK_PROVIDERS = boolean("RUNNEL_ALLOW_LOOPBACK_PROVIDERS", False)
#: Whether MCP servers may be commands, which run as this server's user.
RUNNEL_ALLOW_STDIO_MCP = boolean("RUNNEL_ALLOW_STDIO_MCP", True)

#: Fields of `provider_options` that are allowed beside those that only shape the answer; "*" allows all, "none" none.
RUNNEL_ALLOW_PROVIDER_OPTIONS = words("RUNNEL_ALLOW_PROVIDER_OPTIONS", "tools.web_search")
#: The model of a new conversation; if empty, ``providers.catalog`` chooses one that is ready.
RUNNEL_DEFAULT_MODEL = text("RUNNEL_DEFAULT_MODEL")
#: The model that gives new conversations a title, as `provider/name`; if empty, the title is the first words.
RUNNEL_TITLE_MODEL = text("RUNNEL_TITLE_MODEL")
#: Whether the emulator, the built-in provider without a key, may be used.
RUNNEL_EMULATOR = boolean("RUNNEL_EMULATOR", DEBUG)
#: Whether the server regularly requests the providers' model lists, for suggestions.
RUNNEL_LIST_MODELS = boolean("RUNNEL_LIST_MODELS", False)
#: A folder with recorded provider streams that the emulator plays.
RUNNEL_RECORDINGS_DIR = Path(text("RUNNEL_RECORDINGS_DIR")) if text("RUNNEL_RECORDINGS_DIR") else None
#: Whether traces store requests and responses, or only measurements.
RUNNEL_TRACE_PAYLOADS = boolean("RUNNEL_TRACE_PAYLOADS", True)

# Time limits of one provider call (the first four) and of one run, in seconds.
RUNNEL_CONNECT_TIMEOUT = number("RUNNEL_CONNECT_TIMEOUT", 10.0, at_least=0.01)
RUNNEL_FIRST_BYTE_TIMEOUT = number("RUNNEL_FIRST_BYTE_TIMEOUT", 120.0, at_least=0.01)
RUNNEL_IDLE_TIMEOUT = number("RUNNEL_IDLE_TIMEOUT", 120.0, at_least=0.01)
#: The longest pause between two events while comments and pings keep the connection open.
RUNNEL_KEEPALIVE_TIMEOUT = number("RUNNEL_KEEPALIVE_TIMEOUT", 600.0, at_least=0.01)
RUNNEL_RUN_TIMEOUT = number("RUNNEL_RUN_TIMEOUT", 900.0, at_least=0.01)
#: Seconds that a run waits for a person's decision or a client's result; 0 means no limit.
RUNNEL_APPROVAL_TIMEOUT = number("RUNNEL_APPROVAL_TIMEOUT", 86_400.0, at_least=0.0)
#: Whether an approval must name the digest of what it approves.
RUNNEL_APPROVAL_NEEDS_DIGEST = boolean("RUNNEL_APPROVAL_NEEDS_DIGEST", True)
#: Whether users may allow calls beforehand. If not, each call that needs an approval is asked about.
RUNNEL_STANDING_DECISIONS = boolean("RUNNEL_STANDING_DECISIONS", True)
#: The most provider calls of a run whose start sets no `max_steps`.
RUNNEL_MAX_STEPS = whole("RUNNEL_MAX_STEPS", 20, at_least=1)
#: How often in a row a run goes on after `pause_turn`, with which Anthropic's server tools interrupt an answer.
RUNNEL_MAX_CONTINUATIONS = whole("RUNNEL_MAX_CONTINUATIONS", 10)
#: Characters of a tool's result that the model gets. The result's event must fit into a frame of 1 MiB.
RUNNEL_TOOL_RESULT_CHARS = whole("RUNNEL_TOOL_RESULT_CHARS", 100_000, at_least=100, at_most=150_000)
#: Sessions with one MCP server at the same time, in one process: one for each conversation that uses it.
RUNNEL_MCP_SESSIONS = whole("RUNNEL_MCP_SESSIONS", 32, at_least=1)
#: Tools of one MCP server that are listed; the admin is told of the rest.
RUNNEL_MCP_TOOLS = whole("RUNNEL_MCP_TOOLS", 500, at_least=1)
#: The longest answer of an MCP server that is read, in megabytes.
RUNNEL_MCP_ANSWER_MB = whole("RUNNEL_MCP_ANSWER_MB", 32, at_least=1)
#: Characters of a description at which that of an MCP server's tool is cut. OpenAI accepts 1,024.
RUNNEL_TOOL_DESCRIPTION_CHARS = whole("RUNNEL_TOOL_DESCRIPTION_CHARS", 1_024, at_least=1, at_most=10_000)

# Size limits of one provider call. An answer beyond one of them fails, and keeps what was said before.
#: The largest event of a stream, and the largest answer that is JSON and no stream, in megabytes.
RUNNEL_EVENT_MB = whole("RUNNEL_EVENT_MB", 32, at_least=1)
#: The largest answer, decompressed, in megabytes.
RUNNEL_RESPONSE_MB = whole("RUNNEL_RESPONSE_MB", 512, at_least=1)
#: How many times its compressed size an answer beyond 8 megabytes may have.
RUNNEL_COMPRESSION_RATIO = whole("RUNNEL_COMPRESSION_RATIO", 200, at_least=2)
#: Kilobytes that are read of the body of an error.
RUNNEL_ERROR_BODY_KB = whole("RUNNEL_ERROR_BODY_KB", 64, at_least=1)
#: Characters of text and thoughts in one answer. The largest models write about 500,000; storing more holds others up.
RUNNEL_ANSWER_CHARS = whole("RUNNEL_ANSWER_CHARS", 4_000_000, at_least=1000)
#: Characters of the arguments of all function calls in one answer.
RUNNEL_ARGUMENT_CHARS = whole("RUNNEL_ARGUMENT_CHARS", 2_000_000, at_least=1000)
#: Function calls in one answer.
RUNNEL_CALLS_PER_STEP = whole("RUNNEL_CALLS_PER_STEP", 128, at_least=1)

# Retries of a call that failed before any text was shown: their number, the first and the longest pause.
# Pauses are in seconds; after a rate limit that names none, the first one is eight times as long.
RUNNEL_MAX_RETRIES = whole("RUNNEL_MAX_RETRIES", 2, at_most=100)
RUNNEL_RETRY_BASE_SECONDS = number("RUNNEL_RETRY_BASE_SECONDS", 0.5)
RUNNEL_RETRY_MAX_SECONDS = number("RUNNEL_RETRY_MAX_SECONDS", 8.0)
#: The longest pause that a provider may request, in seconds; a longer one fails the call.
RUNNEL_RETRY_AFTER_MAX_SECONDS = number("RUNNEL_RETRY_AFTER_MAX_SECONDS", 30.0)
#: After this many outages in a row, of several users or of runs that had worked, the circuit breaker blocks a
#: provider's model; 0 disables the breaker.
RUNNEL_CIRCUIT_FAILURES = whole("RUNNEL_CIRCUIT_FAILURES", 10)
#: Seconds for which it blocks the model.
RUNNEL_CIRCUIT_SECONDS = number("RUNNEL_CIRCUIT_SECONDS", 30.0)

# Limits of each provider that the environment configures; 0 means no limit.
RUNNEL_PROVIDER_CONCURRENCY = whole("RUNNEL_PROVIDER_CONCURRENCY", 0)
RUNNEL_PROVIDER_REQUESTS_PER_MINUTE = whole("RUNNEL_PROVIDER_REQUESTS_PER_MINUTE", 0)

#: Whether an estimate of input tokens may use the provider's token-counting endpoint.
RUNNEL_COUNT_TOKENS = boolean("RUNNEL_COUNT_TOKENS", False)
#: Seconds that a cancelled stream is read further to get its usage; 0 closes it at once.
RUNNEL_DRAIN_CANCELLED_SECONDS = number("RUNNEL_DRAIN_CANCELLED_SECONDS", 0.0)
