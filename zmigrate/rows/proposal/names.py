"""How similar a column's header is to a field: by api name, label, and synonyms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rapidfuzz import fuzz

from zmigrate.zoho.metadata import LOOKUPS

if TYPE_CHECKING:
    from zmigrate.zoho.metadata import Field

SAME: Final = 100.0
SYNONYM: Final = 92.0  # the same after each word is replaced by its standard word
PART: Final = 82.0  # All words of one are in the other

_SYNONYMS: Final[Mapping[str, str]] = {
    "email": "e mail, mail, email address, e mail address, mail address, email id",
    "phone": "tel, telephone, phone number, phone no, telefon, fon, telephone number, work phone",
    "mobile": "cell, cellphone, cell phone, mobile phone, mobile number, handy, mobil, gsm",
    "fax": "telefax, fax number",
    "code": "zip, zip code, postcode, post code, postal code, plz, postleitzahl, code postal, cap",
    "last name": "surname, lastname, family name, nachname, familienname, lname, apellido",
    "first name": "forename, firstname, given name, vorname, fname, prenom, nombre",
    "full name": "contact person, ansprechpartner, fullname",
    "salutation": "anrede, prefix, honorific",
    "account": "company, firma, organisation, organization, customer, client, kunde, unternehmen, business,"
    " company name, account name, organization name, organisation name, employer",
    "owner": "agent, rep, sales rep, sales agent, salesperson, sales person, sales owner, assigned to,"
    " account manager, account owner, deal owner, lead owner, contact owner, record owner, besitzer,"
    " verantwortlich, responsible",
    "title": "designation, job title, position, role, funktion",
    "industry": "sector, branch, branche, industry sector, line of business, vertical",
    "employees": "no of employees, number of employees, headcount, staff, employee count, mitarbeiter",
    "annual revenue": "revenue, turnover, umsatz, yearly revenue, annual turnover, sales volume",
    "amount": "value, deal value, betrag, volume, deal amount, close value, sum, total",
    "unit price": "price, sales price, list price, preis, retail price",
    "stage": "phase, deal stage, sales stage, pipeline stage, opportunity stage",
    "status": "lead status, state of affairs, zustand",
    "source": "lead source, origin, channel, herkunft, quelle, how heard",
    "description": "notes, note, comment, comments, remarks, remark, bemerkung, notiz, beschreibung, details",
    "website": "url, web, homepage, home page, web site, site url, webseite, www",
    "street": "address, address line 1, street address, strasse, straße, address1, adresse",
    "city": "town, ort, stadt, ville, locality, ciudad",
    "state": "region, county, province, bundesland, federal state",
    "country": "land, nation, pays, country name, location, office location",
    "date of birth": "birthday, dob, birth date, birthdate, born, geburtsdatum, geburtstag",
    "created time": "created, created at, creation date, create date, created on, date created, erstellt am",
    "modified time": "updated, updated at, modified, modified at, last modified, changed at, geändert am",
    "closing date": "close date, expected close date, closed at, close, closed on, abschlussdatum",
    "due date": "deadline, due, fällig",
    "deal": "opportunity, opp, verkaufschance",
    "lead": "prospect, interessent",
    "product": "article, artikel, item, produkt",
    "product code": "sku, article number, item code, product number, part number",
    "parent account": "subsidiary of, parent company, holding, parent, mutter, muttergesellschaft",
    "reporting to": "manager, reports to, supervisor",
    "email opt out": "unsubscribed, no mail, opt out, do not mail, newsletter opt out",
    "tag": "tags, labels, schlagworte",
    "legacy id": "external id, old id, source id, ext id, foreign id, crm id, record id",
}
"""The standard word, and its synonyms."""

_STANDS_FOR: Final = {
    tuple(name.split()): tuple(word.split())
    for word, names in _SYNONYMS.items()
    for name in names.replace(",", ", ").split(", ")
}
_LONGEST: Final = max(map(len, _STANDS_FOR))
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
_FILLERS: Final = frozenset({"the", "of", "no", "a", "der", "die", "das", "custom", "field", "cf", "s"})


def words_of(name: str) -> tuple[str, ...]:
    """`LastName`, `last-name` and `Last Name` are ("last", "name")."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", _CAMEL.sub(" ", name[:200]))
        if not unicodedata.combining(letter)
    )
    return tuple(_WORD.findall(plain.casefold()))


def standing_for(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words with each phrase replaced by its standard word, longest phrases first."""
    found: list[str] = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST, len(words) - place), 0, -1):
            known = _STANDS_FOR.get(words[place : place + length])
            if known is not None:
                found += known
                place += length
                break
        else:
            found.append(words[place])
            place += 1
    return tuple(found)


class Names:
    """The names of one field, ready to be compared with many headers."""

    def __init__(self, field: Field, module: str) -> None:
        self._plain = {words_of(field.api_name), words_of(field.label)}
        names = set(self._plain)
        if field.data_type in LOOKUPS or field.data_type == "ownerlookup":
            names |= {name[:-1] for name in self._plain if len(name) > 1 and name[-1] in ("name", "id")}
        self._standing = {standing_for(name) for name in names}
        self._lookup = field.data_type in LOOKUPS
        singular = standing_for(words_of(module.removesuffix("s")))
        self._is_name = field.mandatory and any(name[-1:] == ("name",) for name in self._plain)
        self._module = singular

    def likeness(self, header: Header) -> float:
        """How similar a header is, from 0 to 100."""
        if header.words in self._plain:
            return SAME
        standing = header.standing
        if self._lookup and len(standing) > 1 and standing[-1] == "id":
            standing = standing[:-1]
        if standing in self._standing:
            return SYNONYM
        if self._is_name and standing in (self._module, (*self._module, "name"), ("name",)):
            return SYNONYM
        by_standing = max((_near(standing, name) for name in self._standing), default=0.0)
        return max(by_standing, *(_near(header.words, name) for name in self._plain))


class Header:
    """A column's header, ready to be compared with many fields."""

    def __init__(self, name: str) -> None:
        self.words = words_of(name)
        self.standing = standing_for(self.words)


def _near(header: tuple[str, ...], name: tuple[str, ...]) -> float:
    """Common words count in full; without any, the letters must be nearly the same."""
    left = [word for word in header if word not in _FILLERS]
    right = [word for word in name if word not in _FILLERS]
    if not left or not right:
        return 0.0
    spelt = 0.9 * fuzz.token_sort_ratio(" ".join(left), " ".join(right))
    common = set(left) & set(right) - {"id", "name", "date", "time", "number"}
    if common and (set(left) <= set(right) or set(right) <= set(left)):
        return max(spelt, PART * (0.7 + 0.3 * len(common) / max(len(set(left)), len(set(right)))))
    return spelt if spelt >= 65 else 0.5 * spelt
