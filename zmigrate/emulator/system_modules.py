"""The fields of notes, price books, services and appointments, whose values have shapes of their own.

Docs v7 "insert notes", "insert services", "insert appointments"; OAS `notes`; live orgs. Their mandatory
fields are those of the docs. Nobody can add a field to Notes.
"""

from __future__ import annotations

from .fields import ANY_MODULE, Field, of, pick, text
from .options import Options


def notes(options: Options) -> list[Field]:
    return [
        text("Note_Title", 120),
        of("textarea", "Note_Content", length=32000),
        of("lookup", "Parent_Id", lookup=ANY_MODULE, mandatory=True),
        of("ownerlookup", "Owner"),
        of("ownerlookup", "Created_By", writable=False),
        of("ownerlookup", "Modified_By", writable=False),
        of("datetime", "Created_Time", writable=False),
        of("datetime", "Modified_Time", writable=False),
    ]


def price_books(options: Options) -> list[Field]:
    return [
        text("Price_Book_Name", 120, mandatory=True),
        of("boolean", "Active"),
        pick("Pricing_Model", "Flat, Differential"),
        text("Pricing_Details", json_type="jsonarray", mandatory=True),
    ]


def taxes() -> Field:
    """UNCONFIRMED: its type. Docs and SDKs say only that the metadata list the taxes and their ids."""
    rates = (("Vat", "Vat - 0.8 %"), ("Sales Tax", "Sales Tax - 2.0 %"))
    return of("multiselectpicklist", "Tax", picks=rates)


def services(options: Options) -> list[Field]:
    places = "Client Address, Business Address, Business Address and Client Address"
    return [
        text("Service_Name", 120, mandatory=True),
        of("integer", "Duration"),
        pick("Location", places),
        of("currency", "Price"),
        taxes(),
        pick("Status", "Available, Temporarily Unavailable, Not in Use"),
    ]


def appointments(options: Options) -> list[Field]:
    people = ("Contacts", "Leads")
    return [
        text("Appointment_Name", 120, mandatory=True),
        of("multi_module_lookup", "Appointment_For", modules=people, mandatory=True),
        of("lookup", "Service_Name", lookup="Services__s", mandatory=True),
        of("datetime", "Appointment_Start_Time", mandatory=True),
        pick("Location", "Client Address, Business Address"),
        pick("Status", "Scheduled, Completed, Cancelled"),
    ]
