"""The JSON of the org, its modules and layouts in the metadata calls (docs v7, OAS)."""

from __future__ import annotations

from .answers import Json
from .catalogue import ModuleSpec
from .field_json import Org, field_metadata
from .fields import Field
from .options import Options
from .users import ADMINISTRATOR_ID, FIRST_USERS, ID_PREFIX

LAYOUT_ID = ID_PREFIX + 91000
MODULE_ID = ID_PREFIX + 2000
FIELD_ID = ID_PREFIX + 300000
FIELDS_PER_MODULE = 1000
FIRST_RECORD_ID = ID_PREFIX + 500001
ORG_ID = ID_PREFIX + 900_000_000_000

FIXED_ORG: Json = (
    {"country": "ZA", "country_code": "ZA", "state": None, "city": "Cape Town", "street": "1 Long Street"}
    | {
        "zip": "8001",
        "phone": "+27 21 555 0100",
        "mobile": None,
        "fax": None,
        "website": "https://example.com",
    }
    | {"company_name": "Emulated Trading", "alias": None, "description": None, "photo_id": None}
    | {"employee_count": "25", "primary_zuid": "700200001", "primary_email": "mira.berger@example.com"}
    | {"currency": "South African Rand - ZAR", "currency_symbol": "R", "currency_locale": "en_ZA"}
    | {"iso_code": "ZAR", "time_zone": "Africa/Johannesburg", "created_time": "2024-02-01T09:00:00+02:00"}
    | {"mc_status": False, "gapps_enabled": False, "translation_enabled": False, "privacy_settings": False}
    | {"hipaa_compliance_enabled": False, "lite_users_enabled": False, "deletable_org_account": True}
    | {"hierarchy_preferences": {"type": "Role_Hierarchy", "strictly_reporting": False}, "max_per_page": 200}
    | {"ezgid": "b1946ac92492d2347c6235b4d2611184", "zia_zgid": None, "zia_portal_id": None}
    | {"call_icon": "telephony", "oauth_presence": True}
)
FIXED_MODULE: Json = (
    {"viewable": True, "visible": True, "visibility": 1, "status": "visible", "api_supported": True}
    | {"inventory_template_supported": False, "presence_sub_menu": True, "isBlueprintSupported": True}
    | {"email_parser_supported": False, "filter_supported": True, "emailTemplate_support": True}
    | {
        "webform_supported": True,
        "quick_create": True,
        "scoring_supported": True,
        "isBulkEditSupported": True,
    }
    | {"feeds_required": False, "public_fields_configured": False, "business_card_field_limit": 5}
    | {"profiles": [{"name": "Administrator", "id": str(ADMINISTRATOR_ID)}], "has_more_profiles": False}
    | {"access_type": "org_based", "activity_badge": "Disabled", "arguments": [], "parent_module": None}
    | {"modified_by": None, "modified_time": None, "web_link": None, "description": None}
)
ALL_RECORDS: Json = {"name": "All", "id": "0", "type": "custom_view"}
LAYOUT_PROFILE: Json = {"default": True, "name": "Administrator", "id": str(ADMINISTRATOR_ID)} | {
    "_default_view": ALL_RECORDS,
    "_default_assignment_view": ALL_RECORDS,
}
FIXED_LAYOUT: Json = (
    {"api_name": "Standard__s", "name": "Standard", "display_label": "Standard", "display_type": 0}
    | {"status": "active", "visible": True, "source": "crm", "mode": None, "generated_type": "default"}
    | {"profiles": [LAYOUT_PROFILE], "has_more_profiles": False, "created_for": None, "convert_mapping": None}
    | {"created_by": FIRST_USERS[0].brief(), "modified_by": FIRST_USERS[0].brief()}
    | {"created_time": None, "modified_time": "2024-02-01T09:00:00+02:00"}
    | {
        "actions_allowed": {"edit": True, "rename": True, "clone": True, "set_layout_permissions": True}
        | {"downgrade": False, "delete": False, "deactivate": False}
    }
)


def org_metadata(options: Options, zgid: str) -> Json:
    """The org as `GET /org` shows it."""
    shown = str(int(zgid) + 1) if options.wrong_zgid else zgid
    org = FIXED_ORG | {
        "id": str(ORG_ID + int(shown) % 100_000_000_000),
        "zgid": shown,
        "domain_name": f"org{shown}",
        "license_details": {
            "paid_expiry": "2030-12-31T00:00:00+02:00",
            "users_license_purchased": options.users_purchased,
            "trial_type": options.edition if options.trial else None,
            "trial_expiry": "2030-12-31T00:00:00+02:00" if options.trial else None,
            "paid": options.edition != "free" and not options.trial,
            "paid_type": "free" if options.trial else options.edition,
            "trial_action": None,
            "portal_users_license_purchased": 0,
        },
    }
    return org if options.org_type == "absent" else {**org, "type": options.org_type}


def module_metadata(spec: ModuleSpec, position: int) -> Json:
    """The module as `GET /settings/modules` shows it."""
    return FIXED_MODULE | {
        "id": str(MODULE_ID + position),
        "api_name": spec.api_name,
        "module_name": spec.api_name if spec.kind == "default" else f"CustomModule{position}",
        "singular_label": spec.singular,
        "actual_singular_label": spec.singular,
        "plural_label": spec.plural,
        "actual_plural_label": spec.plural,
        "generated_type": spec.kind,
        "sequence_number": position,
        "creatable": spec.has_records,
        "editable": spec.has_records,
        "deletable": spec.has_records,
        "convertable": spec.api_name == "Leads",
        "global_search_supported": spec.has_records,
        "triggers_supported": spec.has_records,
        "show_as_tab": spec.has_records,
    }


def layout_metadata(spec: ModuleSpec, position: int, org: Org) -> Json:
    """The module's one layout as `GET /settings/layouts` shows it, with the layout-mandatory flags."""
    first = FIELD_ID + position * FIELDS_PER_MODULE
    shown = [
        (field, _on_layout(field, field_metadata(field, str(first + number), number, org)))
        for number, field in enumerate(spec.fields.values(), 1)
        if field.on_layout
    ]
    plain = [entry for field, entry in shown if field.data_type != "subform"]
    sections = [_section(f"{spec.singular} Information", 1, position, plain)]
    for field, entry in shown:
        if field.data_type == "subform":
            name, number = field.api_name.replace("_", " "), len(sections) + 1
            sections.append(_section(name, number, position, [entry], rows=field.max_rows))
    return FIXED_LAYOUT | {"id": str(LAYOUT_ID + position), "sections": sections}


def _on_layout(field: Field, entry: Json) -> Json:
    return {
        **entry,
        "required": field.mandatory or field.layout_mandatory,
        "validation_rule": None,
        "section_id": 1,
        "default_value": None,
        "static_values": [],
    }


def _section(name: str, number: int, position: int, entries: list[Json], *, rows: int | None = None) -> Json:
    subform = rows is not None
    limits = {"reorder_rows": True, "bulk_addition": None, "tooltip": None, "maximum_rows": rows}
    return {
        "display_label": name,
        "sequence_number": number,
        "issubformsection": subform,
        "tab_traversal": "left_to_right",
        "api_name": name.replace(" ", "_"),
        "column_count": 1 if subform else 2,
        "name": name,
        "generated_type": "custom" if subform else "default",
        "type": "used",
        "id": str(LAYOUT_ID + 500 * number + position),
        "isSubformSection": subform,
        "tooltip": None,
        "properties": limits if subform else None,
        "fields": entries,
    }
