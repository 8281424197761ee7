"""The fields of custom modules, and of the modules that hold subform rows and links.

Legacy_Assets has nearly every data type. Branches need a parent in Accounts; Org_Units have parents among
themselves.
"""

from __future__ import annotations

from .fields import LARGE_TEXTAREA, RICH_TEXTAREA, SMALL_TEXTAREA, Field, of, pick, picks, text
from .options import Options


def legacy_assets(options: Options) -> list[Field]:
    # "Open" is shown as "New", as in a relabelled pick list of Zoho; "Hired Out" is no longer used.
    condition = (*picks(), ("Open", "New"), ("Used", "Used"), ("Scrap", "Scrap"), ("Hired Out", "Hired Out"))
    colours = (("RED", "Red"), ("GREEN", "Green"), ("BLUE", "Blue"))
    return [
        text("Name", 120, mandatory=True),
        text("Serial_Number", 80, custom=True, unique=True, case_sensitive=True),
        of("lookup", "Account", lookup="Accounts", custom=True),
        of("picklist", "Condition", picks=condition, unused_picks=("Hired Out",), custom=True),
        of("currency", "Purchase_Price", custom=True),
        of("date", "Purchase_Date", custom=True),
        of("userlookup", "Caretaker", custom=True),
        of("email", "Email"),
        of("boolean", "Insured", custom=True),
        of("website", "Manual_URL", custom=True),
        of("autonumber", "Asset_Number", custom=True, prefix="LA-", start_number=1001),
        of("textarea", "Remarks", custom=True, length=SMALL_TEXTAREA),
        of("textarea", "Condition_Report", custom=True, length=RICH_TEXTAREA),
        of("phone", "Contact_Phone", custom=True),
        of("integer", "Units", custom=True),
        of("bigint", "Barcode", custom=True),
        of("double", "Weight", custom=True, decimals=3),
        of("percent", "Depreciation", custom=True),
        of("datetime", "Inspected_At", custom=True),
        of("multiselectpicklist", "Colours", custom=True, picks=colours),
        of(
            "multiselectlookup",
            "Used_By",
            custom=True,
            lookup="Contacts",
            linking="Legacy_Assets_X_Contacts",
            back_lookup="Used_Assets",
            wrapped_in="Used_By",
        ),
        of(
            "multiuserlookup",
            "Reviewers",
            custom=True,
            linking="Legacy_Assets_X_Users",
            back_lookup="Reviewed_Assets",
            wrapped_in="Reviewers",
        ),
        of("subform", "Service_Log", custom=True, subform="Service_Log"),
        of("fileupload", "Documents", custom=True),
        of("imageupload", "Photos", custom=True),
    ]


def org_units(options: Options) -> list[Field]:
    return [
        text("Name", 120, mandatory=True),
        of("lookup", "Parent_Unit", lookup="Org_Units", custom=True),
        pick("Kind", "Group, Division, Department, Team", custom=True),
    ]


def branches(options: Options) -> list[Field]:
    return [
        text("Name", 120, mandatory=True),
        of("lookup", "Account", lookup="Accounts", custom=True, mandatory=True),
        of("lookup", "Unit", lookup="Org_Units", custom=True),
        text("City", 100, custom=True, layout_mandatory=True),
    ]


def service_log() -> list[Field]:
    """The subform of Legacy_Assets."""
    return [
        of("lookup", "Parent_Id", lookup="Legacy_Assets", writable=False),
        of("date", "Service_Date", custom=True, mandatory=True),
        text("Work", 100, custom=True),
        pick("Kind", "Repair, Inspection, Cleaning", custom=True),
        of("double", "Hours", custom=True, decimals=2),
        of("currency", "Cost", custom=True),
        of("boolean", "Under_Warranty", custom=True),
        of("userlookup", "Technician", custom=True),
        of("lookup", "Part", lookup="Products", custom=True),
        of("textarea", "Notes", custom=True, length=LARGE_TEXTAREA),
        of("formula", "Cost_per_Hour", custom=True),
        of("datetime", "Created_Time", writable=False),
        of("datetime", "Modified_Time", writable=False),
    ]


def links(module: str, field: Field) -> list[Field]:
    """The linking module of the multi-select or multi-user lookup `field` of `module`."""
    other = (
        of("lookup", field.wrapped_in, lookup=field.lookup, mandatory=True)
        if field.lookup
        else of("userlookup", field.wrapped_in, mandatory=True)
    )
    return [
        of("lookup", field.back_lookup, lookup=module, mandatory=True),
        other,
        of("datetime", "Created_Time", writable=False),
        of("datetime", "Modified_Time", writable=False),
    ]
