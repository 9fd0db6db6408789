"""The limits of a group's users, on the admin page of the group."""

from django.db.models import Field
from django.forms import Field as FormField
from django.http import HttpRequest
from unfold.admin import StackedInline

from runs.limits import ceilings
from runs.models import GroupLimits


class GroupLimitsInline(StackedInline):
    """One form. An empty field leaves the limit to the settings, whose value stands in the field."""

    model = GroupLimits
    max_num = 1
    extra = 1
    verbose_name = "limits of each user in this group"
    show_title = False

    def formfield_for_dbfield(
        self, db_field: "Field[object, object]", request: HttpRequest, **kwargs: object
    ) -> FormField | None:
        """Show the value of the setting in each empty field."""
        field: FormField | None = super().formfield_for_dbfield(db_field, request, **kwargs)
        default = getattr(ceilings.defaults(), db_field.name, None)
        if field is not None and default is not None and not isinstance(default, bool):
            field.widget.attrs["placeholder"] = f"{default:,}" if default else "no limit"
        return field
