"""The org's users: the first ones and those that a test adds; and how `GET /users` shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from .answers import Json
from .options import Options, shown

ID_PREFIX = 5545974 * 10**12
"""Zoho's ids have 18 or 19 digits. They begin with the same digits within an org."""
ROLE_ID = ID_PREFIX + 26005
ADMINISTRATOR_ID = ID_PREFIX + 26011
STANDARD_ID = ID_PREFIX + 26014
CURRENT_USER = ID_PREFIX + 200001
FIRST_ZUID = 700_000_000
STATES = ("active", "inactive", "disabled", "deleted")
DARK_TAB = {"font_color": "#FFFFFF", "background": "#222222"}
SAME_FOR_ALL_USERS: Json = (
    {"country": "ZA", "country_locale": "en_US", "state": None, "city": None, "street": None, "zip": None}
    | {"phone": None, "mobile": None, "fax": None, "website": None, "dob": None, "alias": None}
    | {"language": "en_US", "locale": "en_US", "time_zone": "Africa/Johannesburg", "time_format": "HH:mm"}
    | {"date_format": "MMM d, yyyy", "decimal_separator": "Period", "number_separator": "Space"}
    | {"name_format__s": "Salutation,First Name,Last Name", "signature": None, "image_link": None}
    | {"sort_order_preference__s": "First Name,Last Name", "type__s": "Regular User"}
    | {"role": {"name": "CEO", "id": str(ROLE_ID)}, "category": "regular_user", "default_tab_group": "0"}
    | {"created_by": {"name": "Mira Berger", "id": str(CURRENT_USER)}}
    | {"Modified_By": {"name": "Mira Berger", "id": str(CURRENT_USER)}}
    | {"created_time": "2024-02-01T09:00:00+02:00", "Modified_Time": "2024-02-01T09:00:00+02:00"}
    | {"microsoft": False, "imap_status": False, "isonline": False, "sandboxDeveloper": False}
    | {"personal_account": False, "territories": [], "reporting_to": None, "ezuid": None}
    | {"$shift_effective_from": None}
    | {
        "customize_info": {"notes_desc": None, "show_right_panel": None, "bc_view": None}
        | {"show_home": False, "show_detail_view": True, "unpin_recent_item": None},
        "theme": {"normal_tab": DARK_TAB, "selected_tab": DARK_TAB, "new_background": None}
        | {"background": "#F3F0EB", "screen": "fixed", "type": "default"},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user. `confirm`: has accepted the invitation; `admin`: has the profile Administrator."""

    id: int
    first_name: str
    last_name: str
    email: str
    status: str = "active"
    confirm: bool = True
    admin: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def zuid(self) -> str:
        return str(self.id - ID_PREFIX + FIRST_ZUID)

    def brief(self) -> Json:
        return {"name": self.full_name, "id": str(self.id)}

    def owner(self) -> Json:
        return {**self.brief(), "email": self.email}

    def metadata(self, options: Options) -> Json:
        """The user as `GET /users` shows it."""
        profile = ("Administrator", ADMINISTRATOR_ID) if self.admin else ("Standard", STANDARD_ID)
        return SAME_FOR_ALL_USERS | {
            "id": str(self.id),
            "zuid": self.zuid,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "full_name": self.full_name,
            "email": self.email,
            "status": self.status,
            "confirm": self.confirm,
            "profile": {"name": profile[0], "id": str(profile[1])},
            "offset": options.utc_offset_minutes * 60_000,
        }


def _first(number: int, name: str, email: str, **more: object) -> User:
    first, last = name.split(" ", 1)
    made = {"id": ID_PREFIX + 200000 + number, "first_name": first, "last_name": last, **more}
    return User(email=f"{email}@example.com", **made)  # type: ignore[arg-type]


FIRST_USERS = (
    _first(1, "Mira Berger", "mira.berger", admin=True),
    _first(2, "Tom Okafor", "tom.okafor"),
    _first(3, "Lena Former", "lena.former", status="inactive"),
    _first(4, "Ana Silva", "ana.silva"),
    # The same name again: a name alone does not identify a user.
    _first(5, "Ana Silva", "ana.silva.lisbon"),
    _first(6, "Pieter de Wet", "pieter.dewet", confirm=False),
    _first(7, "Yusuf Demir", "yusuf.demir", status="disabled"),
    _first(8, "Grace Nkosi", "grace.nkosi", status="deleted"),
    _first(9, "Ingrid Holm", "ingrid.holm", admin=True),
    # Deleted and invited again: one address, two users.
    _first(10, "Kofi Mensah", "kofi.mensah", status="deleted"),
    _first(11, "Kofi Mensah", "kofi.mensah"),
)


class Users:
    """The users of one org by id."""

    def __init__(self) -> None:
        self._by_id = {user.id: user for user in FIRST_USERS}
        self._json: dict[int, bytes] = {}

    def find(self, user_id: int) -> User | None:
        return self._by_id.get(user_id)

    def known(self, user_id: int) -> User:
        """The user with this id, or a made-up one: a seeded record may name any id."""
        return self._by_id.get(user_id) or User(
            id=user_id, first_name="Somebody", last_name="Else", email="somebody.else@example.com"
        )

    def json(self, user_id: int) -> bytes:
        """Name and id, as the answers to writes show a user."""
        found = self._json.get(user_id)
        if found is None:
            found = self._json[user_id] = orjson.dumps(self.known(user_id).brief())
        return found

    def put(
        self,
        full_name: str,
        email: str,
        status: str = "active",
        confirm: bool = True,
        admin: bool = False,
        invited_again: bool = False,
    ) -> User:
        """Adds a user, or changes the user with this email address, who keeps the id.

        `invited_again` adds one beside those with this address, who are deleted. Several users may share an
        address only so; a later change is of the newest.
        """
        if status not in STATES:
            raise ValueError(f"status can't be {shown(status)}: {', '.join(STATES)}")
        first, _, last = full_name.partition(" ")
        first, last = (first, last) if last else ("", first)
        same = [user for user in self._by_id.values() if user.email.casefold() == email.casefold()]
        if invited_again:
            for former in same:
                self._by_id[former.id] = replace(former, status="deleted")
        new = invited_again or not same
        known = (
            same[-1] if not new else User(id=max(self._by_id) + 1, first_name="", last_name="", email=email)
        )
        user = replace(known, first_name=first, last_name=last, status=status, confirm=confirm, admin=admin)
        self._by_id[user.id] = user
        self._json.pop(user.id, None)
        return user

    def everybody(self) -> list[User]:
        """All users, also deleted ones."""
        return list(self._by_id.values())

    def of_type(self, kind: str) -> list[User] | None:
        """The users that `GET /users?type=` lists, or None for a type that Zoho does not know.

        AllUsers has the deleted ones too, as in the sample of docs v7. UNCONFIRMED: other types have none.
        """
        present = [user for user in self._by_id.values() if user.status != "deleted"]
        active = [user for user in present if user.status == "active"]
        found = {
            "AllUsers": self.everybody(),
            "ActiveUsers": active,
            "DeactiveUsers": [user for user in present if user.status != "active"],
            "ConfirmedUsers": [user for user in present if user.confirm],
            "NotConfirmedUsers": [user for user in present if not user.confirm],
            "ActiveConfirmedUsers": [user for user in active if user.confirm],
            "AdminUsers": [user for user in present if user.admin],
            "ActiveConfirmedAdmins": [user for user in active if user.admin and user.confirm],
            "DeletedUsers": [user for user in self._by_id.values() if user.status == "deleted"],
            "CurrentUser": [self._by_id[CURRENT_USER]],
        }
        return found.get(kind)
