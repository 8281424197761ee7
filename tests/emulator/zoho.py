"""The emulator as tests speak to it: plain HTTP, with a token for everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from zmigrate.emulator import Emulator

EVERYTHING = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.users.READ",
    "ZohoCRM.org.READ",
    "ZohoCRM.coql.READ",
    "ZohoSearch.securesearch.READ",
)
MODULES = ["Leads", "Contacts", "Accounts", "Deals", "Products", "Tasks", "Legacy_Assets"]
MODULES += ["Events", "Calls", "Org_Units", "Branches", "Price_Books", "Services__s", "Appointments__s"]
HIDDEN = {
    "Deals_X_Products": "linking",
    "Legacy_Assets_X_Contacts": "linking",
    "Legacy_Assets_X_Users": "linking",
    "Service_Log": "subform",
}
"""Modules that hold only rows of other modules' records."""
JsonObject = dict[str, Any]


class Zoho:
    """A client of one emulator. Its calls carry the token of the last `login`."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        # Without `verify=False` each client would load all certificates: 30 ms, for plain HTTP.
        self.http = httpx.Client(base_url=emulator.url, timeout=10.0, trust_env=False, verify=False)

    def close(self) -> None:
        self.http.close()

    def form(self, scopes: Sequence[str] = EVERYTHING, **changes: str | None) -> dict[str, str]:
        """The form of a token request, with changes; None leaves a key out."""
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": self.emulator.client_id,
            "client_secret": self.emulator.client_secret,
            "scope": ",".join(scopes),
            "soid": self.emulator.soid,
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    def ask_token(self, scopes: Sequence[str] = EVERYTHING, **changes: str | None) -> httpx.Response:
        return self.http.post("/oauth/v2/token", data=self.form(scopes, **changes))

    def login(self, *scopes: str) -> str:
        token: str = self.ask_token(scopes or EVERYTHING).json()["access_token"]
        self.http.headers["Authorization"] = f"Zoho-oauthtoken {token}"
        return token

    def get(self, path: str, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        return self.http.get(f"/crm/v8{path}", params=params, headers=headers)

    def insert(self, rows: Sequence[Any], module: str = "Leads", **more: Any) -> httpx.Response:
        return self.http.post(f"/crm/v8/{module}", json={"data": rows, **more})

    def update(
        self, rows: Sequence[Any], module: str = "Leads", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.http.put(f"/crm/v8/{module}", json={"data": rows}, headers=headers)

    def upsert(self, rows: Sequence[Any], module: str = "Leads", **more: Any) -> httpx.Response:
        return self.http.post(f"/crm/v8/{module}/upsert", json={"data": rows, **more})

    def delete(self, ids: Sequence[str], module: str = "Leads", **params: str) -> httpx.Response:
        return self.http.delete(f"/crm/v8/{module}", params={"ids": ",".join(ids), **params})

    def query(self, text: str, **more: Any) -> httpx.Response:
        return self.http.post("/crm/v8/coql", json={"select_query": text, **more})

    def created(self, rows: Sequence[Any], module: str = "Leads") -> list[str]:
        """Inserts rows that must be taken; returns their ids."""
        answer = self.insert(rows, module)
        assert answer.status_code == 201, answer.text
        return [one["details"]["id"] for one in answer.json()["data"]]

    def record(self, record_id: str, module: str = "Leads") -> JsonObject:
        answer = self.get(f"/{module}/{record_id}")
        assert answer.status_code == 200, answer.text
        record: JsonObject = answer.json()["data"][0]
        return record

    def control(self, path: str, **params: Any) -> Any:
        answer = self.http.get(f"/_emulator/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(f"/_emulator/{path}", json={} if body is None else body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set(self, **options: Any) -> None:
        self.act("faults", options)

    def script(self, *entries: JsonObject) -> None:
        self.act("script", list(entries))


def lead(number: int = 1, **more: Any) -> JsonObject:
    """A lead that Zoho takes."""
    return {"Last_Name": f"Name {number}", "Company": "Firm", "Legacy_ID": f"L-{number}", **more}


def whole_asset(zoho: Zoho, **more: Any) -> JsonObject:
    """A record of Legacy_Assets with a value of every type; what it points at is made."""
    account, contact, product = (
        zoho.created([row], module)[0]
        for module, row in (
            ("Accounts", {"Account_Name": "Firm"}),
            ("Contacts", {"Last_Name": "Person"}),
            ("Products", {"Product_Name": "Part"}),
        )
    )
    user = zoho.get("/users", type="ActiveUsers").json()["users"][1]["id"]
    return {
        "Name": "Lathe",
        "Legacy_ID": "LA-1",
        "Remarks": "small\ntext",
        "Condition_Report": "<b>rich</b>",
        "Email": "a@example.com",
        "Contact_Phone": "+27 21 555-0100",
        "Manual_URL": "https://example.com/manual",
        "Units": 3,
        "Barcode": "0012345600012",
        "Weight": 12.125,
        "Purchase_Price": 1999.99,
        "Depreciation": 12.5,
        "Purchase_Date": "2020-02-29",
        "Inspected_At": "2024-01-31T10:00:00+00:00",
        "Insured": True,
        "Condition": "Open",
        "Colours": ["RED", "BLUE"],
        "Account": {"id": account},
        "Caretaker": {"id": user},
        "Owner": {"id": user},
        "Used_By": [{"Used_By": {"id": contact}}],
        "Reviewers": [{"Reviewers": {"id": user}}],
        "Service_Log": [{"Service_Date": "2024-01-01", "Hours": 1.5, "Part": {"id": product}}],
        "Documents": [{"File_Id__s": "ab" * 32}],
        "Photos": [{"File_Id__s": "cd" * 32}],
        "Tag": [{"name": "old"}],
        **more,
    }


def only(answer: httpx.Response) -> JsonObject:
    """The one element of `data[]`."""
    (element,) = answer.json()["data"]
    return element  # type: ignore[no-any-return]  # JSON
