"""The description of a known provider, and functions for the common kinds of provider. Pure.

It must never hold a key. It holds the names of the settings, which are the names of the environment variables.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.types.quirks import NONE, Quirks


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A known provider that may not be configured here."""

    slug: str
    label: str
    wire: str
    #: How its client is made, where that is not the wire's own way: a name in ``providers.clients``.
    sdk: str | None = None
    #: The settings without which it cannot be used.
    needs: tuple[str, ...]
    #: The setting with the key, needed or not; ``None`` where credentials come from a cloud's own chain only.
    key: str | None = None
    #: The setting with another address than ``base_url``, which is ``None`` for the SDK's own.
    address: str | None = None
    base_url: str | None = None
    #: What follows an address that was set without a path.
    base_path: str = ""
    #: Headers that go along, and those whose values are settings, where they are set.
    headers: tuple[tuple[str, str], ...] = ()
    header_settings: tuple[tuple[str, str], ...] = ()
    #: The settings with the cloud's project and region.
    project: str | None = None
    region: str | None = None
    #: The package that its chain of credentials is in, where requirements.txt does not have it.
    package: str | None = None
    #: False for one that cannot say which models it has.
    lists_models: bool = True
    quirks: Quirks = NONE
    #: Names to suggest; any other works too.
    models: tuple[str, ...] = ()

    def at(self, address: str) -> str:
        """Return ``address``, with ``base_path`` appended if it has no path."""
        if self.base_path and not urlsplit(address).path.strip("/"):
            return address.rstrip("/") + self.base_path
        return address


def hosted(
    slug: str,
    label: str,
    base_url: str | None = None,
    *,
    wire: str = "openai-chat",
    quirks: Quirks = NONE,
    models: tuple[str, ...],
    name: str | None = None,
    address: str | None = None,
) -> Preset:
    """Return a vendor's server, used with a key. Its settings begin with ``name`` (else the slug in upper case)."""
    name = name or slug.upper()
    return Preset(
        slug=slug,
        label=label,
        wire=wire,
        needs=(f"{name}_API_KEY",),
        key=f"{name}_API_KEY",
        address=address or f"{name}_BASE_URL",
        base_url=base_url,
        quirks=quirks,
        models=models,
    )


def own(
    slug: str,
    label: str,
    *,
    wire: str = "openai-chat",
    base_path: str = "",
    quirks: Quirks,
    prefix: str = "",
    key_header: str | None = None,
) -> Preset:
    """Return a server that users run themselves, mostly without a key. Its settings begin with ``prefix``.

    ``key_header`` is a second header for the key, for servers that do not read the SDK's own.
    """
    name = prefix + slug.upper().replace("-", "_")
    return Preset(
        slug=slug,
        label=label,
        wire=wire,
        needs=(f"{name}_BASE_URL",),
        key=f"{name}_API_KEY",
        address=f"{name}_BASE_URL",
        base_path=base_path,
        header_settings=((key_header, f"{name}_API_KEY"),) if key_header else (),
        quirks=quirks,
    )


def azure(slug: str, label: str, *, wire: str) -> Preset:
    """Return Azure OpenAI for one of OpenAI's wires. A model's name there is the name of its deployment."""
    needs = ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")
    return Preset(
        slug=slug,
        label=label,
        wire=wire,
        sdk="azure",
        needs=needs,
        key=needs[0],
        address=needs[1],
        base_path="/openai/v1",
    )


def bedrock(slug: str, label: str, *, key: str | None = None, models: tuple[str, ...]) -> Preset:
    """Return Claude on AWS. Without a key, AWS's own chain of credentials is used."""
    return Preset(
        slug=slug,
        label=label,
        wire="anthropic-messages",
        sdk=slug,
        needs=("AWS_REGION",),
        key=key,
        region="AWS_REGION",
        package="boto3",
        lists_models=False,
        models=models,
    )


def vertex(slug: str, label: str, *, wire: str, models: tuple[str, ...]) -> Preset:
    """Return a wire on Google Cloud, used with Google's application default credentials."""
    return Preset(
        slug=slug,
        label=label,
        wire=wire,
        sdk=slug,
        needs=("GOOGLE_CLOUD_PROJECT",),
        project="GOOGLE_CLOUD_PROJECT",
        region="GOOGLE_CLOUD_LOCATION",
        lists_models=wire == "gemini-generate",
        models=models,
    )
