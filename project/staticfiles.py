"""The names of static files when ``DEBUG`` is off."""

from servestatic.storage import CompressedManifestStaticFilesStorage


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Puts a content hash into names, also in imports of ES modules, so that caches never mix versions."""

    support_js_module_import_aggregation = True
