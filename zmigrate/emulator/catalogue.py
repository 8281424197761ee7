"""The modules of the emulated org and their fields: realistic, with one of each kind that makes trouble."""

from __future__ import annotations

from dataclasses import dataclass

from .fields import Field, picks
from .options import Options

SOURCES = (
    "Advertisement",
    "Cold Call",
    "Employee Referral",
    "External Referral",
    "Online Store",
    "Partner",
    "Public Relations",
    "Trade Show",
    "Web Download",
    "Web Research",
)
INDUSTRIES = (
    "ASP (Application Service Provider)",
    "Banking",
    "Data/Telecom OEM",
    "Education",
    "Employment",
    "Entertainment",
    "Finance",
    "Government/Military",
    "Healthcare",
    "Large Enterprise",
    "Manufacturing",
    "Marketing",
    "Medical",
    "Real Estate",
    "Retail",
    "Services",
    "Software",
    "Technology",
    "Telecommunications",
)
STAGES = (
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Identify Decision Makers",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
    "Closed Lost to Competition",
)
LEAD_STATES = (
    "Attempted to Contact",
    "Contact in Future",
    "Contacted",
    "Junk Lead",
    "Lost Lead",
    "Not Contacted",
    "Pre-Qualified",
)


@dataclass(frozen=True, slots=True)
class ModuleSpec:
    """A module: its name in the API, in scopes, its system duplicate-check field, its fields by name."""

    api_name: str
    scope: str
    singular: str
    plural: str
    name_field: str
    duplicate_check: str | None
    fields: dict[str, Field]
    custom: bool = False

    @property
    def upsertable(self) -> bool:
        """Docs v7 "upsert": Tasks, Events, Calls and Notes are not among the modules."""
        return self.duplicate_check is not None


def text(name: str, length: int = 255, **more: object) -> Field:
    return Field(api_name=name, length=length, **more)  # type: ignore[arg-type]


def of(data_type: str, name: str, **more: object) -> Field:
    return Field(api_name=name, data_type=data_type, **more)  # type: ignore[arg-type]


def pick(name: str, *values: str, **more: object) -> Field:
    return Field(api_name=name, data_type="picklist", picks=picks(*values), **more)  # type: ignore[arg-type]


def person() -> list[Field]:
    return [
        pick("Salutation", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof."),
        text("First_Name", 40),
        text("Last_Name", 80, mandatory=True),
        text("Full_Name", 80, writable=False),
        text("Department", 50),
    ]


def address(prefix: str = "") -> list[Field]:
    return [
        text(f"{prefix}Street", 250),
        text(f"{prefix}City", 100),
        text(f"{prefix}State", 100),
        text(f"{prefix}Zip_Code" if prefix != "Billing_" else "Billing_Code", 30),
        text(f"{prefix}Country", 100),
    ]


def common(options: Options) -> list[Field]:
    """What every module has: the legacy keys, trouble makers and system fields."""
    return [
        text(
            "Legacy_ID",
            100,
            custom=True,
            unique=True,
            external="org",
            case_sensitive=options.legacy_case_sensitive,
        ),
        text("Old_System_Ref", 120, custom=True),
        text("Old_Fax_Number", 60, custom=True, on_layout=False),
        of("formula", "Data_Quality", custom=True),
        of("datetime", "Legacy_Created_Time", custom=True),
        of("textarea", "Description", length=32000),
        of("ownerlookup", "Owner", label="Owner"),
        of("ownerlookup", "Created_By", writable=False),
        of("ownerlookup", "Modified_By", writable=False),
        of("datetime", "Created_Time", writable=False),
        of("datetime", "Modified_Time", writable=False),
        of("datetime", "Last_Activity_Time", writable=False),
        of("layout", "Layout"),
    ]


def leads(options: Options) -> list[Field]:
    return [
        *person(),
        text("Company", 200, layout_mandatory=True),
        text("Designation", 100),
        of("email", "Email", unique=options.email_unique),
        of("email", "Secondary_Email"),
        of("phone", "Phone"),
        of("phone", "Mobile"),
        of("website", "Website"),
        pick("Lead_Source", *SOURCES),
        pick("Lead_Status", *LEAD_STATES),
        pick("Industry", *INDUSTRIES),
        of("integer", "No_of_Employees"),
        of("currency", "Annual_Revenue"),
        pick("Rating", "Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down"),
        of("boolean", "Email_Opt_Out"),
        of(
            "multiselectpicklist",
            "Interests",
            picks=(("Hardware", "Hardware"), ("Software", "Software"), ("Training", "Training")),
            custom=True,
        ),
        of("date", "First_Contact", custom=True),
        of("bigint", "Legacy_Number", custom=True),
        of("double", "Score", custom=True, decimals=4),
        *address(),
    ]


def contacts(options: Options) -> list[Field]:
    return [
        *person(),
        of("lookup", "Account_Name", lookup="Accounts"),
        of("lookup", "Reporting_To", lookup="Contacts"),
        of("email", "Email", unique=options.email_unique),
        of("email", "Secondary_Email"),
        of("phone", "Phone"),
        of("phone", "Mobile"),
        text("Title", 100),
        pick("Lead_Source", *SOURCES),
        of("date", "Date_of_Birth"),
        of("boolean", "Email_Opt_Out"),
        *address("Mailing_"),
    ]


def accounts(options: Options) -> list[Field]:
    return [
        text("Account_Name", 200, mandatory=True),
        of("lookup", "Parent_Account", lookup="Accounts"),
        text("Account_Number", 40),
        text("Account_Site", 80),
        pick("Account_Type", "Analyst", "Competitor", "Customer", "Distributor", "Partner", "Prospect"),
        pick("Industry", *INDUSTRIES),
        of("currency", "Annual_Revenue"),
        of("integer", "Employees"),
        of("phone", "Phone"),
        of("phone", "Fax"),
        of("website", "Website"),
        text("Ticker_Symbol", 30),
        of("integer", "SIC_Code"),
        of("integer", "Year_Established", custom=True),
        *address("Billing_"),
    ]


def deals(options: Options) -> list[Field]:
    return [
        text("Deal_Name", 120, mandatory=True),
        of("lookup", "Account_Name", lookup="Accounts"),
        of("lookup", "Contact_Name", lookup="Contacts"),
        pick("Stage", *STAGES, mandatory=True),
        of("currency", "Amount"),
        of("date", "Closing_Date", layout_mandatory=True),
        of("percent", "Probability", length=3),
        of("currency", "Expected_Revenue", writable=False),
        pick("Type", "Existing Business", "New Business"),
        pick("Lead_Source", *SOURCES),
        text("Next_Step", 100),
        text("Product", 120, custom=True),
        text("Sales_Agent", 120, custom=True),
        of("date", "Engage_Date", custom=True),
        # Seen in a live org: says SUCCESS, keeps nothing.
        pick("Reason_For_Loss__s", "Price", "Competitor", writable=False),
    ]


def products(options: Options) -> list[Field]:
    return [
        text("Product_Name", 200, mandatory=True),
        text("Product_Code", 40),
        of("boolean", "Product_Active"),
        pick("Product_Category", "Hardware", "Software", "CRM Applications"),
        of("currency", "Unit_Price"),
        of("double", "Qty_in_Stock", decimals=2),
        pick("Usage_Unit", "Box", "Carton", "Dozen", "Each", "Hours", "Piece"),
        of("date", "Sales_Start_Date"),
        of("boolean", "Taxable"),
    ]


def tasks(options: Options) -> list[Field]:
    return [
        text("Subject", 255, mandatory=True),
        of("date", "Due_Date"),
        pick("Status", "Not Started", "Deferred", "In Progress", "Completed", "Waiting for input"),
        pick("Priority", "High", "Highest", "Low", "Lowest", "Normal"),
        of("lookup", "Who_Id", lookup="Contacts"),
        of("lookup", "What_Id", lookup="*"),
        # Docs: view_type create and edit are false.
        of("datetime", "Closed_Time", writable=False),
        of("boolean", "Send_Notification_Email"),
    ]


def legacy_assets(options: Options) -> list[Field]:
    # A stored value that is shown under another name, as Zoho's relabelled pick lists have it.
    condition = (("-None-", "-None-"), ("Open", "New"), ("Used", "Used"), ("Scrap", "Scrap"))
    return [
        text("Name", 120, mandatory=True),
        text("Serial_Number", 80, custom=True, unique=True, case_sensitive=True),
        of("lookup", "Account", lookup="Accounts", custom=True),
        of("picklist", "Condition", picks=condition, custom=True),
        of("currency", "Purchase_Price", custom=True),
        of("date", "Purchase_Date", custom=True),
        of("userlookup", "Caretaker", custom=True),
        of("email", "Email"),
        of("boolean", "Insured", custom=True),
        of("website", "Manual_URL", custom=True),
    ]


def catalogue(options: Options) -> dict[str, ModuleSpec]:
    """Every module by API name."""
    rows = (
        ("Leads", "leads", "Lead", "Leads", "Full_Name", "Email", leads, False),
        ("Contacts", "contacts", "Contact", "Contacts", "Full_Name", "Email", contacts, False),
        ("Accounts", "accounts", "Account", "Accounts", "Account_Name", "Account_Name", accounts, False),
        ("Deals", "deals", "Deal", "Deals", "Deal_Name", "Deal_Name", deals, False),
        ("Products", "products", "Product", "Products", "Product_Name", "Product_Name", products, False),
        ("Tasks", "tasks", "Task", "Tasks", "Subject", None, tasks, False),
        ("Legacy_Assets", "custom", "Legacy Asset", "Legacy Assets", "Name", "Name", legacy_assets, True),
    )
    return {
        name: ModuleSpec(
            name,
            scope,
            singular,
            plural,
            name_field,
            check,
            {field.api_name: field for field in (*make(options), *common(options))},
            custom,
        )
        for name, scope, singular, plural, name_field, check, make, custom in rows
    }
