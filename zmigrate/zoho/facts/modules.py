"""Differences between modules (zoho-api 5.1 and 5.4: v7 upsert-records, Kaizen #56)."""

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
