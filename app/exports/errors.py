"""What can be wrong with an export."""

from app.kit.errors import DomainError, Kind


class ExportNotFound(DomainError):
    """There is no such export of yours."""

    kind, slug, title = Kind.not_found, "export-not-found", "There is no such export of yours."


class ExportNotReady(DomainError):
    """The export is still being made. Look again in a moment."""

    kind, slug, title = Kind.conflict, "export-not-ready", "This export is still being made."


class ExportGone(DomainError):
    """The file was removed after its days. Ask for a new export."""

    kind, slug, title = Kind.gone, "export-gone", "This export's file has been removed."
