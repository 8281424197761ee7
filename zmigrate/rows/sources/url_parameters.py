"""The parameters of database URLs, by name: which ones hold a secret, lead to another place, or name a file
of this machine; and who may use which.

A mapping's URL may come from another person, and drivers have parameters by which a server, or the URL's
author, gets any file of this machine. So only parameters that are known as harmless are allowed. A job's own
code may use all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from zmigrate.errors import SourceError
from zmigrate.rows.sources.variables import GIVEN


class ParameterKind(Enum):
    SETTING = auto()
    """A number, a method, a name."""
    PLACE = auto()
    """The place to connect to, if the URL has no host."""
    DETOUR = auto()
    """Also a place, but hidden, or used before the URL's host: only for a job's own code."""
    FILE = auto()
    """A path of this machine: only for a job's own code, and for a person."""
    WHOLE = auto()
    """A whole connection string: a detour, with the password in it."""
    OTHER = auto()
    """Only for a job's own code. Not a secret, whatever its name."""


_TABLE: Final = tuple(
    (re.compile(names), kind)
    for names, kind in (
        (r"host|port|unixsocket|unixsock", ParameterKind.PLACE),
        (r"odbcconnect", ParameterKind.WHOLE),
        (
            r"hostaddr|service|dsn|server|servername|address|addr|networkaddress|hostname|account|filedsn"
            r"|failoverpartner|connectdescriptor",
            ParameterKind.DETOUR,
        ),
        (
            r"passfile|ssl(root)?cert|sslkey|sslcrl(dir)?|sslca|sslca(path|file)|sslcrlpath|ssl(key|cert)file"
            r"|privatekey(file|path)|credentialspath|tokenfilepath|walletlocation|configdir|httppath",
            ParameterKind.FILE,
        ),
        (
            r"(\w*)timeout|keepalives?(idle|interval|count)?|sslmode|ssl|ssldisabled|sslcheckhostname"
            r"|sslverify(cert|identity)|sslcipher|sslsni|ssl(min|max)protocolversion|gssencmode|krbsrvname"
            r"|channelbinding|targetsessionattrs|loadbalancehosts|requireauth|tls|usessl"
            r"|charset|collation|useunicode|clientencoding|encoding|sqlmode|compress(ion)?"
            r"|(fallback)?applicationname|app(name)?|programname|autocommit|\w+autocommit|isolationlevel"
            r"|driver|encrypt|trustservercertificate|trustedconnection|multisubnetfailover|applicationintent"
            r"|marsconnection|tdsversion|ansi|unicoderesults|longasmax"
            r"|authentication|authenticator|auth(plugin|type|method|mechanism)"
            r"|warehouse|role|schema|catalog|database|location|readonly|user|username|detecttypes"
            r"|cachedstatements",
            ParameterKind.SETTING,
        ),
        (r"\w*(file|path)", ParameterKind.OTHER),
    )
)
_LOOKS_SECRET: Final = re.compile(r"pass|pwd|secret|token|key|auth|cred|connect")
_NO_SETTING: Final = re.compile(r"[/\\;={}\x00-\x1f\x7f]")
"""Parts of a path, an address or a second parameter: `driver=/tmp/x.so`, `authenticator=https://...`."""
_JOB_OF_YOUR_OWN: Final = "Leave it out; or write your own job with Sql(...) for it."


def kind_of(name: str) -> ParameterKind | None:
    """The parameter's kind. None if the table does not have it. Some drivers accept other spellings, such as
    `Trust Server_Certificate` for TrustServerCertificate.
    """
    plain = _plain(name)
    return next((kind for names, kind in _TABLE if names.fullmatch(plain)), None)


def is_secret(name: str) -> bool:
    """Whether its value is a secret, or may be one."""
    kind = kind_of(name)
    return kind is ParameterKind.WHOLE or (kind is None and _LOOKS_SECRET.search(_plain(name)) is not None)


def check_parameters(parameters: Iterable[tuple[str, str]], shown: str, said_in: str | None) -> None:
    """Raise SourceError if a mapping or an option uses a parameter that it may not use. `shown`: the URL; a
    parameter that came from a variable must not be shown. `said_in`: None for a job's own code.
    """
    if said_in is None:
        return
    allowed = {ParameterKind.SETTING, ParameterKind.PLACE} | (
        {ParameterKind.FILE} if said_in == GIVEN else set()
    )
    for name, value in parameters:
        kind = kind_of(name)
        named = f"the parameter {name}" if name.lower() in shown.lower() else "a parameter from a variable"
        if kind not in allowed:
            why = "names a file of this machine" if kind is ParameterKind.FILE else "is not known as harmless"
            raise SourceError(
                f"{said_in}: {shown} has {named}, which {why}.",
                hint=_JOB_OF_YOUR_OWN,
                code="PARAMETER_REFUSED",
            )
        if kind is ParameterKind.SETTING and _NO_SETTING.search(value):
            raise SourceError(
                f"{said_in}: {shown} has {named}, whose value is a path or an address, or has another"
                " parameter in it.",
                hint=_JOB_OF_YOUR_OWN,
                code="PARAMETER_REFUSED",
            )


def _plain(name: str) -> str:
    return re.sub(r"[ _-]", "", name.casefold())
