"""Whole answers to `GET /settings/fields`, and what each says of its fields.

Their keys and values are built as orgs and Zoho's pages show them in API versions 2 to 8; every name and id
is invented. What is expected is written down here by hand, from Zoho's pages, and not read from the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

STAMPS = frozenset({"Created_By", "Modified_By", "Created_Time", "Modified_Time"})
SYSTEM = STAMPS | {"id", "Locked__s", "Record_Status__s"}
ANY = frozenset({"se_module"})
"""A reference that may be to a record of any module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldsAnswer:
    """One answer. Fields that no set names can be written, are used, and refer to nothing."""

    name: str
    module: str
    read_only: frozenset[str] = STAMPS
    not_in_inserts: frozenset[str] = frozenset()
    not_in_updates: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    encrypted: frozenset[str] = frozenset()
    mandatory: frozenset[str] = frozenset()
    """Without those that Zoho calls so and yet does without: Call_Duration, Pricing_Details."""
    unique: Mapping[str, bool] = field(default_factory=dict)
    """Each unique field, and whether letter case counts."""
    refers_to: Mapping[str, frozenset[str]] = field(default_factory=dict)
    linked: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    """Multi-select lookups: the module, and the lookup around each id."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """Subforms: the module of their rows."""

    def read(self) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads((Path(__file__).parent / f"{self.name}.json").read_bytes())
        return content

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The raw fields by API name."""
        return {one["api_name"]: one for one in self.read()["fields"]}


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def to(module: str) -> frozenset[str]:
    return frozenset({module})


ANSWERS = (
    FieldsAnswer(
        name="v2_leads",
        module="Leads",
        read_only=STAMPS | names("Full_Name Punkte"),
        mandatory=names("Last_Name"),
        unique={"Email": True, "Altsystem_Nr": False},
    ),
    FieldsAnswer(
        name="v2_accounts",
        module="Accounts",
        read_only=STAMPS | names("Kundennr"),
        mandatory=names("Account_Name"),
        refers_to={"Parent_Account": to("Accounts")},
        rows={"Niederlassungen": "Niederlassungen"},
    ),
    FieldsAnswer(
        name="v2_niederlassungen",
        module="Niederlassungen",
        read_only=names("Parent_Id"),
        refers_to={"Parent_Id": to("Accounts")},
    ),
    FieldsAnswer(
        name="v3_contacts",
        module="Contacts",
        encrypted=names("Geheim"),
        mandatory=names("Last_Name"),
        refers_to={"Account_Name": to("Accounts"), "Reporting_To": to("Contacts")},
        linked={"Interessen": ("Products", "Interessen"), "Ansprechpartner": (None, "Ansprechpartner")},
    ),
    FieldsAnswer(
        name="v4_deals",
        module="Deals",
        read_only=STAMPS | names("Expected_Revenue Lead_Conversion_Time"),
        unused=names("Altes_Feld"),
        mandatory=names("Deal_Name Stage"),
        unique={"Vertragsnr": True},
        refers_to={"Account_Name": to("Accounts"), "Contact_Name": to("Contacts")},
        linked={"Weitere_Produkte": ("Products", "Weitere_Produkte")},
    ),
    FieldsAnswer(
        name="v5_products",
        module="Products",
        read_only=frozenset(),
        mandatory=names("Product_Name"),
        refers_to={"Lieferant": to("Vendors")},
    ),
    FieldsAnswer(
        name="v6_quotes",
        module="Quotes",
        read_only=SYSTEM | names("Sub_Total Tax Grand_Total Quote_Number"),
        mandatory=names("Subject Quoted_Items"),
        refers_to={"Account_Name": to("Accounts"), "Deal_Name": to("Deals"), "Bauvorhaben": to("Baustellen")},
        rows={"Quoted_Items": "Quoted_Items"},
    ),
    FieldsAnswer(
        name="v6_quoted_items",
        module="Quoted_Items",
        read_only=names("Total Parent_Id Sequence_Number"),
        mandatory=names("Product_Name Quantity"),
        refers_to={"Product_Name": to("Products"), "Parent_Id": to("Quotes")},
    ),
    FieldsAnswer(
        name="v7_leads",
        module="Leads",
        read_only=SYSTEM
        | names("Full_Name Last_Activity_Time Record_Image Converted_Date_Time Lead_Conversion_Time")
        | names("Unsubscribed_Mode Unsubscribed_Time Converted_Account Converted_Deal Territories")
        | names("Change_Log_Time__s Converted__s Enrich_Status__s Data_Source Bewertung Quote Notizen_Anzahl")
        | names(
            "Last_Visited_Time First_Visited_URL Average_Time_Spent_Minutes Number_Of_Chats Visitor_Score"
        ),
        mandatory=names("Last_Name"),
        unique={"Email": False, "Phone": False},
        refers_to={
            "Converted_Account": to("Accounts"),
            "Converted_Deal": to("Deals"),
            "Baustelle": to("Baustellen"),
        },
        linked={"Wunschprodukte": ("Products", "Wunschprodukte")},
        rows={"Projektdetails": "Projektdetails"},
    ),
    FieldsAnswer(
        name="v7_projektdetails",
        module="Projektdetails",
        read_only=names("Summe Parent_Id"),
        refers_to={"Parent_Id": to("Leads")},
    ),
    FieldsAnswer(
        name="v7_baustellen",
        module="Baustellen",
        read_only=SYSTEM | names("Record_Image Unsubscribed_Mode Laufende_Nr"),
        unused=names("Ruhend"),
        encrypted=names("Lohnkosten"),
        mandatory=names("Name"),
        unique={"Altsystem_Id": True},
        refers_to={"Kunde": to("Accounts")},
        linked={"Beteiligte": (None, "Beteiligte")},
    ),
    FieldsAnswer(
        name="v7_calls",
        module="Calls",
        read_only=SYSTEM | names("Call_Duration_in_seconds Voice_Recording__s CTI_Entry"),
        mandatory=names("Subject Call_Type Call_Start_Time"),
        refers_to={"Who_Id": to("Contacts"), "What_Id": ANY},
    ),
    FieldsAnswer(
        name="v7_price_books",
        module="Price_Books",
        read_only=SYSTEM,
        mandatory=names("Price_Book_Name"),
    ),
    FieldsAnswer(
        name="v7_products",
        module="Products",
        read_only=SYSTEM | names("Qty_in_Demand Record_Image"),
        mandatory=names("Product_Name"),
        refers_to={"Vendor_Name": to("Vendors")},
        linked={"Passt_zu": ("Products", "Passt_zu")},
    ),
    FieldsAnswer(
        name="v8_appointments",
        module="Appointments__s",
        read_only=SYSTEM | names("Appointment_End_Time Duration"),
        mandatory=names("Appointment_Name Appointment_For Service_Name Appointment_Start_Time Location"),
        refers_to={"Appointment_For": names("Contacts Leads"), "Service_Name": to("Services__s")},
    ),
    FieldsAnswer(
        name="v8_leads",
        module="Leads",
        read_only=SYSTEM,
        not_in_inserts=names("Nur_Aenderung"),
        not_in_updates=names("Freigabe"),
        hidden=names("Verborgen"),
        mandatory=names("Last_Name"),
        unique={"Kennung": False},
    ),
    FieldsAnswer(
        name="v8_events",
        module="Events",
        read_only=SYSTEM | names("Check_In_Time"),
        mandatory=names("Event_Title Start_DateTime End_DateTime"),
        refers_to={"Who_Id": to("Contacts"), "What_Id": ANY},
    ),
    FieldsAnswer(
        name="v8_notes",
        module="Notes",
        mandatory=names("Parent_Id"),
        refers_to={"Parent_Id": ANY},
    ),
)
