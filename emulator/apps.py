"""The Django app: registers the emulator with ``providers``."""

from django.apps import AppConfig

from emulator.directive import ordered_faults


class EmulatorConfig(AppConfig):
    """The app of the built-in upstream. It has no database models."""

    name = "emulator"

    def ready(self) -> None:
        """Register with ``providers``."""
        from emulator.shared import shared
        from providers.emulation import Upstream, register

        async def origin() -> str:
            return (await shared()).origin

        register(Upstream(origin=origin, ordered_faults=ordered_faults))
