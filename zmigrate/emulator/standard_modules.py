"""The fields of Zoho's own modules: realistic, with one field of each kind that makes trouble.

Mandatory fields of Tasks, Events and Calls: docs v7 "insert records". Their unusual types (Participants,
Recurring_Activity, Remind_At) are as live orgs name them.
"""

from __future__ import annotations

from .fields import ANY_MODULE, Field, of, pick, text
from .options import Options
from .system_modules import taxes

SOURCES = (
    "Advertisement, Cold Call, Employee Referral, External Referral, Online Store, Partner, "
    "Public Relations, Trade Show, Web Download, Web Research"
)
INDUSTRIES = (
    "ASP (Application Service Provider), Banking, Data/Telecom OEM, Education, Employment, Entertainment, "
    "Finance, Government/Military, Healthcare, Large Enterprise, Manufacturing, Marketing, Medical, "
    "Real Estate, Retail, Services, Software, Technology, Telecommunications"
)
STAGES = (
    "Qualification, Needs Analysis, Value Proposition, Identify Decision Makers, Proposal/Price Quote, "
    "Negotiation/Review, Closed Won, Closed Lost, Closed Lost to Competition"
)
LEAD_STATES = (
    "Attempted to Contact, Contact in Future, Contacted, Junk Lead, Lost Lead, Not Contacted, Pre-Qualified"
)


def person() -> list[Field]:
    return [
        pick("Salutation", "Mr., Mrs., Ms., Dr., Prof."),
        text("First_Name", 40),
        text("Last_Name", 80, mandatory=True),
        text("Full_Name", 80, writable=False),
        text("Department", 50),
    ]


def reachable(options: Options) -> list[Field]:
    return [
        of("email", "Email", unique=options.email_unique),
        of("email", "Secondary_Email"),
        of("phone", "Phone"),
        of("phone", "Mobile"),
    ]


def address(prefix: str = "") -> list[Field]:
    return [
        text(f"{prefix}Street", 250),
        text(f"{prefix}City", 100),
        text(f"{prefix}State", 100),
        text(f"{prefix}Zip_Code" if prefix != "Billing_" else "Billing_Code", 30),
        text(f"{prefix}Country", 100),
    ]


def territories() -> Field:
    """Another call sets them (docs v7 "assign territories")."""
    return of("territories", "Territories", writable=False)


def leads(options: Options) -> list[Field]:
    interests = (("Hardware", "Hardware"), ("Software", "Software"), ("Training", "Training"))
    return [
        *person(),
        text("Company", 200, layout_mandatory=True),
        text("Designation", 100),
        *reachable(options),
        of("website", "Website"),
        pick("Lead_Source", SOURCES),
        pick("Lead_Status", LEAD_STATES),
        pick("Industry", INDUSTRIES),
        of("integer", "No_of_Employees"),
        of("currency", "Annual_Revenue"),
        pick("Rating", "Acquired, Active, Market Failed, Project Cancelled, Shut Down"),
        of("boolean", "Email_Opt_Out"),
        of("multiselectpicklist", "Interests", picks=interests, custom=True),
        of("date", "First_Contact", custom=True),
        of("bigint", "Legacy_Number", custom=True),
        of("double", "Score", custom=True, decimals=4),
        *address(),
        territories(),
        of("bigint", "Wizard", length=50),
    ]


def contacts(options: Options) -> list[Field]:
    return [
        *person(),
        of("lookup", "Account_Name", lookup="Accounts"),
        of("lookup", "Reporting_To", lookup="Contacts"),
        *reachable(options),
        text("Title", 100),
        pick("Lead_Source", SOURCES),
        of("date", "Date_of_Birth"),
        of("boolean", "Email_Opt_Out"),
        *address("Mailing_"),
        territories(),
    ]


def accounts(options: Options) -> list[Field]:
    return [
        text("Account_Name", 200, mandatory=True),
        of("lookup", "Parent_Account", lookup="Accounts"),
        text("Account_Number", 40),
        text("Account_Site", 80),
        pick("Account_Type", "Analyst, Competitor, Customer, Distributor, Partner, Prospect"),
        pick("Industry", INDUSTRIES),
        of("currency", "Annual_Revenue"),
        of("integer", "Employees"),
        of("phone", "Phone"),
        of("phone", "Fax"),
        of("website", "Website"),
        text("Ticker_Symbol", 30),
        of("integer", "SIC_Code"),
        of("integer", "Year_Established", custom=True),
        of("rollup_summary", "Open_Deals", custom=True),
        *address("Billing_"),
        territories(),
    ]


def deals(options: Options) -> list[Field]:
    return [
        text("Deal_Name", 120, mandatory=True),
        of("lookup", "Account_Name", lookup="Accounts"),
        of("lookup", "Contact_Name", lookup="Contacts"),
        pick("Stage", STAGES, mandatory=True),
        of("currency", "Amount"),
        of("date", "Closing_Date", layout_mandatory=True),
        of("percent", "Probability", length=3),
        of("currency", "Expected_Revenue", writable=False),
        pick("Type", "Existing Business, New Business"),
        pick("Lead_Source", SOURCES),
        text("Next_Step", 100),
        territories(),
        text("Product", 120, custom=True),
        text("Sales_Agent", 120, custom=True),
        of("date", "Engage_Date", custom=True),
        # Seen in a live org: the answer is SUCCESS, but nothing is stored.
        pick("Reason_For_Loss__s", "Price, Competitor", writable=False),
        of("lookup", "Product_Link", lookup="Products", custom=True),
        of(
            "multiselectlookup",
            "Related_Products",
            lookup="Products",
            linking="Deals_X_Products",
            back_lookup="Related_Deals",
            wrapped_in="Related_Product",
            custom=True,
        ),
    ]


def products(options: Options) -> list[Field]:
    return [
        text("Product_Name", 200, mandatory=True),
        text("Product_Code", 40),
        of("boolean", "Product_Active"),
        pick("Product_Category", "Hardware, Software, CRM Applications"),
        of("currency", "Unit_Price"),
        of("double", "Qty_in_Stock", decimals=2),
        pick("Usage_Unit", "Box, Carton, Dozen, Each, Hours, Piece"),
        of("date", "Sales_Start_Date"),
        of("boolean", "Taxable"),
        taxes(),
    ]


def person_and_record() -> list[Field]:
    """`Who_Id` names a contact or a lead, `What_Id` a record of any other module.

    UNCONFIRMED: the metadata of Who_Id name only Contacts, so queries follow `Who_Id.Last_Name` only there.
    """
    return [
        of("lookup", "Who_Id", lookup="Contacts", also_lookup=("Leads",)),
        of("lookup", "What_Id", lookup=ANY_MODULE),
    ]


def tasks(options: Options) -> list[Field]:
    return [
        text("Subject", 255, mandatory=True),
        of("date", "Due_Date"),
        pick("Status", "Not Started, Deferred, In Progress, Completed, Waiting for input"),
        pick("Priority", "High, Highest, Low, Lowest, Normal"),
        *person_and_record(),
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
        *person_and_record(),
        of("bigint", "Participants", json_type="jsonarray"),
        of("RRULE", "Recurring_Activity"),
        of("multireminder", "Remind_At"),
    ]


def calls(options: Options) -> list[Field]:
    return [
        text("Subject", 255, mandatory=True),
        pick("Call_Type", "Inbound, Outbound, Missed", mandatory=True),
        of("datetime", "Call_Start_Time", mandatory=True),
        text("Call_Duration", 10, mandatory=True),
        pick("Call_Purpose", "Prospecting, Administrative, Negotiation, Demo, Project, Desk"),
        pick("Call_Result", "Interested, Not interested, No response/Busy, Requested call back"),
        pick("Outbound_Call_Status", "Scheduled, Completed"),
        *person_and_record(),
    ]
