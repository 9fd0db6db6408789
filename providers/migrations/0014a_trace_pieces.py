from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("providers", "0004_trace_oddities")]

    operations = [
        migrations.CreateModel(
            name="TracePiece",
            fields=[
                ("digest", models.BinaryField(editable=False, primary_key=True, serialize=False)),
                ("scope", models.UUIDField(db_index=True, editable=False)),
                ("data", models.BinaryField(editable=False)),
            ],
            options={"ordering": ["scope"]},
        ),
        # The columns keep their names: only what Python calls them changes.
        *(
            operation
            for name in ("request", "response")
            for operation in (
                migrations.AlterField(
                    "providertrace",
                    name,
                    models.JSONField(blank=True, null=True, db_column=name, editable=False),
                ),
                migrations.RenameField("providertrace", name, f"unpacked_{name}"),
            )
        ),
        migrations.AddField("providertrace", "packed_request", models.BinaryField(editable=False, null=True)),
        migrations.AddField(
            "providertrace", "packed_response", models.BinaryField(editable=False, null=True)
        ),
    ]
