from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0022d_standing_decisions_by_group")]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="stop_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("end_turn", "End Turn"),
                    ("tool_calls", "Tool Calls"),
                    ("requires_approval", "Requires Approval"),
                    ("max_steps", "Max Steps"),
                    ("max_continuations", "Max Continuations"),
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
                    ("log_unavailable", "Log Unavailable"),
                    ("shutdown", "Shutdown"),
                ],
                max_length=32,
            ),
        ),
    ]
