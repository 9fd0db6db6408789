"""The configured providers, and the target of a model name ``provider/name``."""

from providers.catalog.lookup import (
    LONGEST_NAME,
    CatalogError,
    ProviderInfo,
    ProviderUnavailable,
    Target,
    UnknownModel,
    default_model,
    providers,
    resolve,
    suggestions,
    target_of,
    targets_in_use,
)

__all__ = [
    "LONGEST_NAME",
    "CatalogError",
    "ProviderInfo",
    "ProviderUnavailable",
    "Target",
    "UnknownModel",
    "default_model",
    "providers",
    "resolve",
    "suggestions",
    "target_of",
    "targets_in_use",
]
