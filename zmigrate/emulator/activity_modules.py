"""The fields of Tasks, Events and Calls, which belong to a person (Who_Id) and to a record (What_Id).

Mandatory fields: docs v7 "insert records". Types of Participants, Recurring_Activity and Remind_At: `bigint`
with a list for its JSON, `RRULE`, and `ALARM` or `multireminder`, as live orgs name them.
"""

from __future__ import annotations

from .fields import ANY_MODULE, Field, of, pick, text
from .options import Options


def belongs_to() -> list[Field]:
    """`Who_Id` is a contact or a lead (zoho-api 11.1). How metadata tell of the leads is UNCONFIRMED: here
    they name contacts alone, and so paths of queries (`Who_Id.Last_Name`) lead to contacts alone."""
    return [
        of("lookup", "Who_Id", lookup="Contacts", also_lookup=("Leads",)),
        of("lookup", "What_Id", lookup=ANY_MODULE),
    ]


def tasks(options: Options) -> list[Field]:
    return [
        text("Subject", 255, mandatory=True),
        of("date", "Due_Date"),
        pick("Status", "Not Started", "Deferred", "In Progress", "Completed", "Waiting for input"),
        pick("Priority", "High", "Highest", "Low", "Lowest", "Normal"),
        *belongs_to(),
        # Docs: view_type create and edit are false.
        of("datetime", "Closed_Time", writable=False),
        of("boolean", "Send_Notification_Email"),
        of("RRULE", "Recurring_Activity"),
        of("ALARM", "Remind_At"),
    ]


def events(options: Options) -> list[Field]:
    return [
        text("Event_Title", 255, mandatory=True),
        of("datetime", "Start_DateTime", mandatory=True),
        of("datetime", "End_DateTime", mandatory=True),
        of("boolean", "All_day"),
        text("Venue", 255),
        *belongs_to(),
        of("bigint", "Participants", json_type="jsonarray"),
        of("RRULE", "Recurring_Activity"),
        of("multireminder", "Remind_At"),
    ]


def calls(options: Options) -> list[Field]:
    return [
        text("Subject", 255, mandatory=True),
        pick("Call_Type", "Inbound", "Outbound", "Missed", mandatory=True),
        of("datetime", "Call_Start_Time", mandatory=True),
        text("Call_Duration", 10, mandatory=True),
        pick("Call_Purpose", "Prospecting", "Administrative", "Negotiation", "Demo", "Project", "Desk"),
        pick("Call_Result", "Interested", "Not interested", "No response/Busy", "Requested call back"),
        pick("Outbound_Call_Status", "Scheduled", "Completed"),
        *belongs_to(),
    ]
