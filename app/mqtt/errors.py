"""What the command cannot begin with."""

from app.kit.errors import DomainError, Kind


class MqttInvalid(DomainError):
    """The command `inseam mqtt` was given an address, a topic or a template that it cannot use.
    Nothing was subscribed to."""

    kind, slug, title = Kind.invalid, "mqtt-invalid", "The command mqtt cannot begin like this."
