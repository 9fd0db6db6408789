import django.db.models.deletion
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=100)),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "API token",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Conversation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("title", models.CharField(blank=True, max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conversations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-updated_at"],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("cached_input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("cache_write_input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("output_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("reasoning_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                (
                    "usage_source",
                    models.CharField(
                        choices=[
                            ("reported", "reported"),
                            ("partial", "partial"),
                            ("estimated", "estimated"),
                        ],
                        default="partial",
                        editable=False,
                        max_length=16,
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("model", models.CharField(max_length=200)),
                ("system", models.TextField(blank=True)),
                ("options", models.JSONField(default=dict)),
                ("input", models.JSONField(default=list)),
                ("request_digest", models.CharField(editable=False, max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("running", "Running"),
                            ("awaiting_approval", "Awaiting Approval"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="created",
                        max_length=24,
                    ),
                ),
                (
                    "stop_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("end_turn", "End Turn"),
                            ("tool_calls", "Tool Calls"),
                            ("requires_approval", "Requires Approval"),
                            ("max_steps", "Max Steps"),
                            ("max_tokens_exceeded", "Max Tokens Exceeded"),
                            ("cancelled", "Cancelled"),
                            ("error", "Error"),
                            ("llm_api_error", "Llm Api Error"),
                            ("invalid_llm_response", "Invalid Llm Response"),
                            ("invalid_tool_call", "Invalid Tool Call"),
                            ("context_window_exceeded", "Context Window Exceeded"),
                            ("insufficient_credits", "Insufficient Credits"),
                            ("content_filter", "Content Filter"),
                            ("timeout", "Timeout"),
                            ("budget_exhausted", "Budget Exhausted"),
                            ("worker_lost", "Worker Lost"),
                            ("shutdown", "Shutdown"),
                        ],
                        max_length=32,
                    ),
                ),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("error_message", models.TextField(blank=True)),
                ("last_seq", models.PositiveIntegerField(default=0, editable=False)),
                ("fence", models.PositiveIntegerField(default=0, editable=False)),
                ("worker", models.CharField(blank=True, editable=False, max_length=64)),
                ("lease_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("cancel_requested_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "cancel_mode",
                    models.CharField(
                        blank=True,
                        choices=[("immediate", "Immediate"), ("after_step", "After Step")],
                        editable=False,
                        max_length=16,
                    ),
                ),
                ("cancel_reason", models.CharField(blank=True, editable=False, max_length=500)),
                ("cancelled_by", models.CharField(blank=True, editable=False, max_length=16)),
                ("stream_was_cancelled", models.BooleanField(default=False, editable=False)),
                ("upstream_closed_ms", models.FloatField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("finished_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="runs.conversation",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("position", models.PositiveIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[("user", "user"), ("assistant", "assistant"), ("tool", "tool")],
                        max_length=16,
                    ),
                ),
                ("parts", models.JSONField(default=list)),
                ("origin", models.JSONField(blank=True, null=True)),
                ("native", models.JSONField(default=list)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "conversation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="runs.conversation",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="messages", to="runs.run"
                    ),
                ),
            ],
            options={
                "ordering": ["conversation", "position"],
            },
        ),
        migrations.CreateModel(
            name="RunEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("first_seq", models.PositiveIntegerField()),
                ("last_seq", models.PositiveIntegerField()),
                ("frames", models.TextField()),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="events", to="runs.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "first_seq"],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("cached_input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("cache_write_input_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("output_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                ("reasoning_tokens", models.BigIntegerField(blank=True, editable=False, null=True)),
                (
                    "usage_source",
                    models.CharField(
                        choices=[
                            ("reported", "reported"),
                            ("partial", "partial"),
                            ("estimated", "estimated"),
                        ],
                        default="partial",
                        editable=False,
                        max_length=16,
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("index", models.PositiveIntegerField()),
                ("provider", models.CharField(max_length=64)),
                ("wire", models.CharField(max_length=32)),
                ("model", models.CharField(max_length=200)),
                ("model_served", models.CharField(blank=True, max_length=200)),
                ("response_id", models.CharField(blank=True, max_length=200)),
                ("stop_reason", models.CharField(blank=True, max_length=32)),
                ("raw_stop_reason", models.CharField(blank=True, max_length=100)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("stream_was_cancelled", models.BooleanField(default=False)),
                ("started_at", models.DateTimeField()),
                ("first_byte_at", models.DateTimeField(blank=True, null=True)),
                ("first_token_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="runs.run"
                    ),
                ),
            ],
            options={
                "ordering": ["run", "index"],
            },
        ),
        migrations.CreateModel(
            name="ToolCall",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("call_id", models.CharField(max_length=200)),
                ("name", models.CharField(max_length=200)),
                ("arguments", models.TextField(blank=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("unanswered", "Unanswered"), ("incomplete", "Incomplete")], max_length=24
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tool_calls", to="runs.run"
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tool_calls", to="runs.step"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["owner", "-updated_at"], name="conversation_by_owner"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["owner", "-created_at"], name="run_by_owner"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["conversation", "created_at"], name="run_by_conversation"),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("status__in", frozenset(["awaiting_approval", "created", "running"]))),
                fields=["lease_until"],
                name="run_by_lease",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", frozenset(["awaiting_approval", "created", "running"]))),
                fields=("conversation",),
                name="one_active_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                fields=("conversation", "position"), name="one_message_per_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="runevent",
            constraint=models.UniqueConstraint(fields=("run", "first_seq"), name="one_batch_per_seq"),
        ),
        migrations.AddIndex(
            model_name="step",
            index=models.Index(fields=["started_at"], name="step_by_start"),
        ),
        migrations.AddConstraint(
            model_name="step",
            constraint=models.UniqueConstraint(fields=("run", "index"), name="one_step_per_index"),
        ),
        migrations.AddConstraint(
            model_name="toolcall",
            constraint=models.UniqueConstraint(fields=("run", "call_id"), name="one_tool_call_per_id"),
        ),
    ]
