"""Finds the org's user for a text of the old system: by e-mail address, full name or id, or by a
successor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from zmigrate.errors import Fatal, RefusedError
from zmigrate.job.references import Users
from zmigrate.reasons import Reason, told
from zmigrate.rows.conversion.exported_ids import REMEDY, is_exported
from zmigrate.rows.conversion.refusal import Refused
from zmigrate.zoho.ids import is_id

MOST_KEPT: Final = 10_000  # how many different texts are kept and counted

DECLARE_ANOTHER: Final = "declare a successor or a default user"


@dataclass(frozen=True, slots=True)
class User:
    """One user of the org."""

    id: str
    name: str
    email: str
    active: bool

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> User:
        """One element of `users[]` (GET /users). A user without a status counts as active."""
        status = str(raw.get("status") or "active").lower()
        name = raw.get("full_name") or f"{raw.get('first_name') or ''} {raw.get('last_name') or ''}"
        return cls(str(raw.get("id")), str(name).strip(), str(raw.get("email") or ""), status == "active")

    def __str__(self) -> str:
        return f"{self.name} ({self.email})" if self.email else self.name


class UserProblem(NamedTuple):
    """Why a declared user can't replace others."""

    leaver: str | None  # The user with this successor. None: the problem is the default user.
    message: str


class UserDirectory:
    """Finds users. The org is asked once, for the first text.

    Texts are compared without letter case and doubled spaces. A declared successor replaces the user who is
    named, active or not; the default replaces unknown and inactive users.
    """

    def __init__(self, users: Users, load: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
        """`load`: gives all users of the org, also inactive ones, as GET /users has them."""
        self._declared = users.successors
        self._successors = {fold_name(old): new for old, new in users.successors.items()}
        self._default = users.default
        self._load = load
        self._known: dict[str, list[User]] | None = None
        self._unreadable: str | None = None
        self.used: Counter[str] = Counter()  # how often each text was used
        self.found: dict[str, User] = {}  # the user by text
        self.missing: dict[str, Reason] = {}  # why nobody was found, by text

    def problems(self) -> list[UserProblem]:
        """What is wrong with the declared default and successors. Asks the org if any are declared."""
        found: list[UserProblem] = []
        try:
            if self._default is not None:
                self._stand_in(self._default)
            for old, new in self._declared.items():
                try:
                    self._user(new)
                except Refused as refused:
                    found.append(UserProblem(old, f"the successor of {old!r}: {told(refused.reason)}"))
        except Refused as refused:
            found.append(UserProblem(None, told(refused.reason)))
        return [] if self._unreadable is not None else found

    def resolve(self, text: str) -> str:
        """The user's id. Raises Refused: unknown, inactive, or a name of several users."""
        user = self.found.get(text)
        if user is not None:
            return user.id
        missing = self.missing.get(text)
        if missing is not None:
            raise Refused(missing.message, remedy=missing.remedy, ambiguous=missing.ambiguous)
        try:
            user = self._user(text)
        except Refused as refused:
            if len(self.missing) < MOST_KEPT:
                self.missing[text] = refused.reason
            raise
        if len(self.found) < MOST_KEPT:
            self.found[text] = user
        return user.id

    def choose(self, names: Sequence[str]) -> str:
        """Which of one user's names to resolve: the first that names an active user or a successor. A dump of
        another org has ids that this org does not know, but the same e-mail addresses.
        """
        address = next((name for name in names if "@" in name), names[0])
        return next(filter(self._names_somebody, names), address)

    def _names_somebody(self, text: str) -> bool:
        try:
            word = self._last_successor(text)
        except Refused:
            return True  # resolving it says why not
        if self._unreadable is not None:
            return is_id(word)
        return any(user.active for user in self._org_users().get(word, ()))

    def count(self, texts: Iterable[str]) -> None:
        """Count texts as used, once the rest of their record is valid."""
        used = self.used
        for text in texts:
            if text in used or len(used) < MOST_KEPT:
                used[text] += 1

    def _user(self, text: str) -> User:
        word = self._last_successor(text)
        if self._unreadable is not None:
            if is_id(word):
                return User(word, "", "", active=True)
            raise Refused(f"the org's users can't be read ({self._unreadable})", remedy="give the user's id")
        several = self._org_users().get(word, [])
        if len(several) > 1 and any(user.active for user in several):
            emails = " and ".join(user.email or user.id for user in several)
            raise Refused(
                f"{len(several)} users are called {several[0].name!r}: {emails}",
                remedy="write which one",
                ambiguous=True,
            )
        user = several[0] if several else None
        if user is not None and user.active:
            return user
        if self._default is not None:
            return self._stand_in(self._default)
        if user is not None:
            raise Refused(f"{user} is not active", remedy=DECLARE_ANOTHER)
        if is_exported(text):
            raise Refused(f"the org has no user {text!r}", remedy=REMEDY)
        raise Refused(f"the org has no user {text!r}{self._nearest(word)}", remedy=DECLARE_ANOTHER)

    def _last_successor(self, text: str) -> str:
        word, passed = fold_name(text), set[str]()
        while (successor := self._successor(word)) is not None:
            if word in passed:
                raise Refused(f"the declared successors of {text!r} go round in a circle")
            passed.add(word)
            word = successor
        return word

    def _successor(self, word: str) -> str | None:
        """The declared successor of the word itself, or of its user under another name."""
        names = [word]
        users = self._org_users().get(word, ())
        if len(users) == 1:
            names += [fold_name(name) for name in (users[0].email, users[0].id, users[0].name)]
        successors = [fold_name(self._successors[name]) for name in names if name in self._successors]
        return next((successor for successor in successors if successor not in names), None)

    def _stand_in(self, default: str) -> User:
        users = self._org_users().get(fold_name(default), [])
        if len(users) == 1 and users[0].active:
            return users[0]
        why = (
            "means several users"
            if len(users) > 1
            else "is not active"
            if users
            else "is not a user of the org"
        )
        raise Refused(f"the default user {default!r} {why}")

    def _org_users(self) -> Mapping[str, list[User]]:
        """Users by each of their names. Empty if this client may not read them."""
        if self._known is None:
            known: dict[str, list[User]] = {}
            try:
                known = by_name(self._load())
            except (RefusedError, Fatal) as error:
                self._unreadable = error.message
            self._known = known
        return self._known

    def _nearest(self, word: str) -> str:
        hits = get_close_matches(word, self._org_users(), n=1)
        if not hits:
            return ""
        user = self._org_users()[hits[0]][0]
        return f"; did you mean {user.email or user.name!r}?"


def by_name(users: Iterable[Mapping[str, Any]]) -> dict[str, list[User]]:
    """Users of GET /users by each of their folded names: e-mail address, full name, id.

    A user who was deleted and invited again is two users with one address: address and name are the active
    one's alone. So is a name that a deleted user has, too.
    """
    every = list(map(User.read, users := list(users)))
    gone = [str(raw.get("status")).lower() == "deleted" for raw in users]
    names_in_use = {fold_name(user.name) for user in every if user.active}
    in_use = {fold_name(user.email) for user in every if user.active} - {""}
    known: dict[str, list[User]] = {}
    for user, deleted in zip(every, gone, strict=True):
        replaced = not user.active and fold_name(user.email) in in_use
        names = {fold_name(user.id), *(() if replaced else (fold_name(user.email), fold_name(user.name)))}
        if deleted and fold_name(user.name) in names_in_use:
            names.discard(fold_name(user.name))
        for name in names - {""}:
            known.setdefault(name, []).append(user)
    return known


def fold_name(name: str) -> str:
    """A name without letter case and doubled spaces, for comparison."""
    return " ".join(name.split()).casefold()
