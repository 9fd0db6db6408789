"""How static files are named when ``DEBUG`` is off."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names that hold a hash, also where one ES module imports another: caches never mix versions."""

    support_js_module_import_aggregation = True
