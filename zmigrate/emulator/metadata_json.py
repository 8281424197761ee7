"""The org, its modules and layouts, as the metadata calls show them (docs v7, OAS)."""

from __future__ import annotations

from .answers import Json
from .catalogue import ModuleSpec
from .fields import Field, ModuleId
from .options import Options
from .users import ADMINISTRATOR_ID, FIRST_USERS, ID_PREFIX


def org_record_id(zgid: str) -> int:
    """The id of the org's own record: another one for each org."""
    return ID_PREFIX + 900_000_000_000 + int(zgid) % 100_000_000_000


LAYOUT_ID = ID_PREFIX + 91000
MODULE_ID = ID_PREFIX + 2000
FIELD_ID = ID_PREFIX + 300000
FIELDS_PER_MODULE = 1000
FIRST_RECORD_ID = ID_PREFIX + 500001
SUBFORM_ROWS = 100
"""The most rows of a subform in one record (docs v7 "insert subform data")."""


def org_metadata(options: Options, zgid: str) -> Json:
    """The org as `GET /org` shows it."""
    shown = str(int(zgid) + 1) if options.wrong_zgid else zgid
    record_id = org_record_id(shown)
    org = {
        "country": "ZA",
        "photo_id": None,
        "city": "Cape Town",
        "description": None,
        "mc_status": False,
        "gapps_enabled": False,
        "domain_name": f"org{shown}",
        "translation_enabled": False,
        "street": "1 Long Street",
        "alias": None,
        "currency": "South African Rand - ZAR",
        "id": str(record_id),
        "state": None,
        "fax": None,
        "zip": "8001",
        "employee_count": "25",
        "website": "https://example.com",
        "currency_symbol": "R",
        "mobile": None,
        "currency_locale": "en_ZA",
        "primary_zuid": "700200001",
        "zia_portal_id": None,
        "time_zone": "Africa/Johannesburg",
        "zgid": shown,
        "country_code": "ZA",
        "deletable_org_account": True,
        "license_details": {
            "paid_expiry": "2030-12-31T00:00:00+02:00",
            "users_license_purchased": options.users_purchased,
            "trial_type": None,
            "trial_expiry": None,
            "paid": options.edition != "free",
            "paid_type": options.edition,
            "trial_action": None,
            "portal_users_license_purchased": 0,
        },
        "hierarchy_preferences": {"type": "Role_Hierarchy", "strictly_reporting": False},
        "phone": "+27 21 555 0100",
        "company_name": "Emulated Trading",
        "privacy_settings": False,
        "primary_email": "mira.berger@example.com",
        "iso_code": "ZAR",
        "hipaa_compliance_enabled": False,
        "lite_users_enabled": False,
        "max_per_page": 200,
        "ezgid": "b1946ac92492d2347c6235b4d2611184",
        "call_icon": "telephony",
        "oauth_presence": True,
        "zia_zgid": None,
        "created_time": "2024-02-01T09:00:00+02:00",
        "type": options.org_type,
    }
    if options.org_type == "absent":
        del org["type"]
    return org


def module_metadata(spec: ModuleSpec, position: int) -> Json:
    """The module as `GET /settings/modules` shows it."""
    return {
        "global_search_supported": spec.has_records,
        "deletable": spec.has_records,
        "creatable": spec.has_records,
        "editable": spec.has_records,
        "viewable": True,
        "visible": True,
        "convertable": spec.api_name == "Leads",
        "inventory_template_supported": False,
        "modified_time": None,
        "plural_label": spec.plural,
        "presence_sub_menu": True,
        "triggers_supported": spec.has_records,
        "id": str(MODULE_ID + position),
        "isBlueprintSupported": True,
        "visibility": 1,
        "email_parser_supported": False,
        "filter_supported": True,
        "emailTemplate_support": True,
        "webform_supported": True,
        "arguments": [],
        "show_as_tab": spec.has_records,
        "profiles": [{"name": "Administrator", "id": str(ADMINISTRATOR_ID)}],
        "api_supported": True,
        "quick_create": True,
        "modified_by": None,
        "generated_type": spec.kind,
        "feeds_required": False,
        "public_fields_configured": False,
        "scoring_supported": True,
        "api_name": spec.api_name,
        "module_name": spec.api_name if spec.kind == "default" else f"CustomModule{position}",
        "business_card_field_limit": 5,
        "parent_module": None,
        "status": "visible",
        "access_type": "org_based",
        "actual_plural_label": spec.plural,
        "actual_singular_label": spec.singular,
        "singular_label": spec.singular,
        "sequence_number": position,
        "has_more_profiles": False,
        "web_link": None,
        "activity_badge": "Disabled",
        "description": None,
        "isBulkEditSupported": True,
    }


def layout_metadata(spec: ModuleSpec, position: int, module_id: ModuleId) -> Json:
    """The module's one layout as `GET /settings/layouts` shows it: the place of layout-mandatory flags."""
    owner = FIRST_USERS[0].brief()
    first = FIELD_ID + position * FIELDS_PER_MODULE
    shown = [
        (field, _on_layout(field, field.metadata(str(first + number), number, module_id)))
        for number, field in enumerate(spec.fields.values(), 1)
        if field.on_layout
    ]
    plain = [entry for field, entry in shown if field.data_type != "subform"]
    sections = [_section(f"{spec.singular} Information", 1, position, plain)]
    for field, entry in shown:
        if field.data_type == "subform":
            number = len(sections) + 1
            sections.append(
                _section(field.api_name.replace("_", " "), number, position, [entry], subform=True)
            )
    return {
        "display_type": 0,
        "api_name": "Standard__s",
        "id": str(LAYOUT_ID + position),
        "name": "Standard",
        "display_label": "Standard",
        "status": "active",
        "visible": True,
        "has_more_profiles": False,
        "created_for": None,
        "created_time": None,
        "modified_time": "2024-02-01T09:00:00+02:00",
        "created_by": owner,
        "modified_by": owner,
        "convert_mapping": None,
        "source": "crm",
        "mode": None,
        "generated_type": "default",
        "actions_allowed": {
            "edit": True,
            "rename": True,
            "clone": True,
            "downgrade": False,
            "delete": False,
            "deactivate": False,
            "set_layout_permissions": True,
        },
        "profiles": [
            {
                "default": True,
                "name": "Administrator",
                "id": str(ADMINISTRATOR_ID),
                "_default_view": {"name": "All", "id": "0", "type": "custom_view"},
                "_default_assignment_view": {"name": "All", "id": "0", "type": "custom_view"},
            }
        ],
        "sections": sections,
    }


def _on_layout(field: Field, entry: Json) -> Json:
    return {
        **entry,
        "required": field.mandatory or field.layout_mandatory,
        "validation_rule": None,
        "section_id": 1,
        "default_value": None,
        "static_values": [],
    }


def _section(name: str, number: int, position: int, entries: list[Json], *, subform: bool = False) -> Json:
    rows = {"reorder_rows": True, "bulk_addition": None, "tooltip": None, "maximum_rows": SUBFORM_ROWS}
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
        "properties": rows if subform else None,
        "fields": entries,
    }
