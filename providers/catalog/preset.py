"""The description of a known provider, and functions for the common kinds of provider. Pure.

A preset never holds a key. It names the settings that hold keys and addresses.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from providers.types.quirks import NONE, Quirks


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A known provider and the names of its settings, which are also their environment variables."""

    slug: str
    label: str
    wire: str
    #: The client to use, a name in ``providers.clients``; ``None`` for the wire's usual client.
    sdk: str | None = None
    #: The settings without which the provider cannot be used.
    needs: tuple[str, ...]
    #: The setting with the key, required or not; ``None`` if all credentials come from the cloud's own chain.
    key: str | None = None
    #: The setting that replaces ``base_url``.
    address: str | None = None
    #: ``None`` for the SDK's own default.
    base_url: str | None = None
    #: The path to add to an address that was set without one.
    base_path: str = ""
    #: Headers to send with every request.
    headers: tuple[tuple[str, str], ...] = ()
    #: Headers to send if a setting has a value: pairs of header name and setting.
    header_settings: tuple[tuple[str, str], ...] = ()
    #: The settings with the cloud's project and region.
    project: str | None = None
    region: str | None = None
    #: The package with the cloud's credential chain, if requirements.txt does not include it.
    package: str | None = None
    #: Whether the provider can list its models.
    lists_models: bool = True
    quirks: Quirks = NONE
    #: Model names to suggest; other names work too.
    models: tuple[str, ...] = ()

    def at(self, address: str) -> str:
        """Return ``address``, with this provider's path added if it has no path."""
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
    """Return a preset for a self-hosted server. Its key is optional.

    ``key_header`` names a header that also carries the key, because some servers do not read the SDK's own.
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
    """Return a preset for Azure OpenAI. The name of a deployment serves as the name of its model."""
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
