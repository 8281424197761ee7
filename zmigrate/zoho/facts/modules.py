"""Differences between modules and fields that their metadata do not tell (zoho-api 5.1 and 5.4: v7
upsert-records, Kaizen #56; the rest as each line says).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STANDARD_LOOKUPS: Final[Mapping[str, str]] = {
    "Account_Name": "Accounts",
    "Parent_Account": "Accounts",
    "Contact_Name": "Contacts",
    "Reporting_To": "Contacts",
    "Deal_Name": "Deals",
    "Vendor_Name": "Vendors",
    "Product_Name": "Products",
    "Campaign_Source": "Campaigns",
}
"""The module that a lookup of this name leads to, in every standard module that has it (zoho-api 6)."""

NO_UPSERT: Final = frozenset(["Tasks", "Events", "Calls", "Notes"])  # modules without an upsert call

SYSTEM_DUPLICATE_CHECK: Final[Mapping[str, str]] = {
    "Leads": "Email",
    "Contacts": "Email",
    "Accounts": "Account_Name",
    "Deals": "Deal_Name",
    "Campaigns": "Campaign_Name",
    "Cases": "Subject",
    "Solutions": "Solution_Title",
    "Products": "Product_Name",
    "Vendors": "Vendor_Name",
    "Price_Books": "Price_Book_Name",
    "Quotes": "Subject",
    "Sales_Orders": "Subject",
    "Purchase_Orders": "Subject",
    "Invoices": "Subject",
}
"""A field that is not unique, but by which an upsert finds records; in custom modules it is `Name`."""

TAG: Final = "Tag"
"""The field of a record's tags: `[{"name": …}]`. No form shows it, but the API writes it (zoho-api 14.8)."""

STATES: Final = "$"
"""Begins the keys by which Zoho's answers tell a record's state (`$approved`, `$in_merge`): no fields, but a
write that has them may set the state.
"""

SET_IN_ROWS: Final = frozenset(["Parent_Id", "Created_Time", "Modified_Time"])
"""Keys of subform rows in Zoho's answers that Zoho sets, also where the metadata lack them (zoho-api 9.2)."""

MANDATORY_IN_PART: Final = frozenset(["Call_Duration", "Participants", "Pricing_Details"])
"""Fields that the metadata call mandatory, although a record may lack them (zoho-api 14.15)."""

NAMED_PARENTS: Final = frozenset([("Notes", "Parent_Id")])
"""Lookups of one record in any module, which name the module beside the id (zoho-api 14.16)."""
