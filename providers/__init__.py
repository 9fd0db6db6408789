"""Language-model providers: one streamed call, whatever the wire.

This package never imports ``runs``, Channels or a view. It turns a ``ModelRequest`` into a
stream of ``ModelEvent`` and a ``StepResult``, stops at once when asked to, and leaves a
``ProviderTrace`` of every call.
"""
