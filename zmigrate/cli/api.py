"""`zmigrate api METHOD PATH`: makes one API call with a token for the scopes named. Prints JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zmigrate.cli import INTERRUPTED, streams
from zmigrate.cli.commands import Command
from zmigrate.cli.options import CheckProfile
from zmigrate.errors import ScopeError, UsageError
from zmigrate.plain_files import SMALL_FILE_BYTES, NotAFile, TooLarge, read_small
from zmigrate.wording import shell_word
from zmigrate.zoho.answers import call_params
from zmigrate.zoho.automations import silenced, what_it_sets_off
from zmigrate.zoho.facts.scopes import ORG
from zmigrate.zoho.paths import path_fault, taken_apart
from zmigrate.zoho.record_calls import elements_of, encoded, is_query
from zmigrate.zoho.refusals import is_error

if TYPE_CHECKING:
    from zmigrate.zoho.crm import Crm
    from zmigrate.zoho.metadata import Org


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def add_to(app: typer.Typer) -> None:
    @app.command(cls=Command)
    def api(
        method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
        path: Annotated[str, typer.Argument(metavar="PATH", help="As in /crm/v8/Leads.")],
        scope: Annotated[
            list[str] | None,
            typer.Option(
                "--scope",
                metavar="S",
                help="Scope of the token; several times for several. Default: what the call needs.",
            ),
        ] = None,
        param: Annotated[
            list[str] | None, typer.Option("--param", metavar="K=V", help="Query parameter; several times.")
        ] = None,
        data: Annotated[
            str | None,
            typer.Option("--data", metavar="JSON", help="Body as JSON, or @FILE, or @- for stdin."),
        ] = None,
        every_page: Annotated[bool, typer.Option("--all", help="GET: page through to the end.")] = False,
        profile: CheckProfile = None,
        emulator: Annotated[bool, typer.Option("--emulator", help="Ask an embedded emulator.")] = False,
        yes: Annotated[
            bool, typer.Option("--yes", "-y", help="Don't ask before a call that writes to production.")
        ] = False,
        # The output is always JSON; this option makes errors JSON too.
        _as_json: Annotated[bool, typer.Option("--json", help="Print errors as JSON too.")] = False,
    ) -> None:
        """Make one API call and print the answer as JSON.

        Writes set off no workflows, approvals and mails, unless the body asks for them: "trigger":
        ["workflow"], beside `data`. If a call can set them off anyway, you are told before it is sent.
        """
        verb = checked_method(method)
        refuse_odd_path(verb, path, emulator=emulator)
        params = checked_params(param or [])
        body = checked_body(data)
        silenced(verb, path, params, body)
        if every_page and verb != "GET":
            raise UsageError(f"--all pages through a GET, not a {verb}")
        from zmigrate.cli.connections import connected, found_credentials
        from zmigrate.engine.entry import PRACTICE

        scopes = scope or known_scopes(verb, path, body)
        credentials = None if emulator else found_credentials(profile)
        writing = writes(verb, path)
        needed = tuple(dict.fromkeys((*scopes, ORG))) if writing else scopes
        with connected(needed, emulator=emulator, credentials=credentials) as connection:
            if writing:
                place = PRACTICE if credentials is None else credentials.place
                loud = what_it_sets_off(verb, path, body)
                admit(connection.crm.org(), f"{verb} {path}", place, loud, practice=emulator, yes=yes)
            try:
                answer = (
                    all_pages(connection.crm, path, params)
                    if every_page
                    else call(connection.crm, verb, path, params, body)
                )
            except ScopeError as error:
                raise ScopeError(error.message, hint=scope_hint(verb, path, body), code=error.code) from None
            except KeyboardInterrupt:
                if not writing:
                    raise
                streams.say("\ninterrupted: the call was on its way, and Zoho may have applied it")
                raise typer.Exit(INTERRUPTED) from None
        streams.print_json(answer, indent=2)
        if writing and any(map(is_error, elements_of(answer))):
            streams.say("Zoho refused what has the status `error` above")
            raise typer.Exit(1)


def writes(verb: str, path: str) -> bool:
    """Whether a call may change something: not a query, though it is a POST; but a GET that executes code."""
    if verb == "GET":
        return taken_apart(path).parts[-2:] == ("actions", "execute")
    return not is_query(path)


def admit(org: Org, call: str, place: str, loud: str | None, *, practice: bool, yes: bool) -> None:
    """Show the org that a writing call goes to; on production ask first, as `run` does.

    `loud`: why the call may set off workflows and mails.
    """
    from zmigrate.display.banner import banner, confirm
    from zmigrate.display.console import stderr_console
    from zmigrate.engine.preflight.admission import ask
    from zmigrate.events import BannerFacts
    from zmigrate.signals import end_waiting, handled_by

    console = stderr_console()
    facts = BannerFacts(
        job="api",
        code=None,
        org=f"{org.name} ({org.zgid})",
        environment=org.type or "production",
        place=place,
        practice=practice,
        call=call,
        warning=loud,
    )
    console.print(banner(facts))

    def agree() -> bool:
        with handled_by(end_waiting):
            also = "" if loud is None else ", and may set off workflows and mails"
            return confirm(console, f"This call may write to a PRODUCTION org{also}. Send it?")

    if not practice:
        ask(org, yes=yes, agree=agree if streams.can_ask() else None)


def scopes_of(verb: str, path: str, body: Any) -> Sequence[str]:
    """The scopes that the call needs, for a query with those of its module; empty if they are not known."""
    from zmigrate.zoho.coql import parse
    from zmigrate.zoho.facts.scopes import scopes_of_call

    query = body.get("select_query") if isinstance(body, dict) else None
    try:
        queried = parse(query).modules if isinstance(query, str) else ()
    except UsageError:
        queried = ()  # Zoho says what is wrong with the query
    return scopes_of_call(verb, path, queried=queried)


def scope_hint(verb: str, path: str, body: Any) -> str:
    """Which scopes to ask for, if Zoho says that one is missing."""
    scopes = scopes_of(verb, path, body)
    if not scopes:
        return "Name the scope that Zoho's page gives for this call: --scope SCOPE"
    return "It needs " + " ".join(f"--scope {each}" for each in scopes)


def known_scopes(verb: str, path: str, body: Any) -> Sequence[str]:
    """The scopes that the call needs. Raises UsageError if they are not known."""
    scopes = scopes_of(verb, path, body)
    if not scopes:
        raise UsageError(
            f"zmigrate does not know which scopes {path} needs",
            hint="name them, as in --scope ZohoCRM.modules.leads.READ",
        )
    return scopes


def checked_method(method: str) -> str:
    """The method in upper case. Raises UsageError."""
    verb = method.upper()
    if verb not in METHODS:
        raise UsageError(f"unknown method {method!r}", hint=f"one of {', '.join(METHODS)}")
    return verb


def refuse_odd_path(verb: str, path: str, *, emulator: bool) -> None:
    """Raise UsageError for a path that would not be sent as written. The hint has the right command."""
    fault = path_fault(path)
    if fault is None:
        return
    right = fault.path or "/crm/v8/Leads"
    options = [f"--param {shell_word(f'{name}={value}')}" for name, value in fault.params]
    command = " ".join(["zmigrate api", verb, right, *options, *(["--emulator"] if emulator else [])])
    raise UsageError(
        f"{path[:200]!r} is not an API path: {fault.why}",
        hint=f"write it as: {command}" if fault.path else f"a path looks like this: {command}",
    )


def checked_params(pairs: list[str]) -> dict[str, str]:
    """`K=V` pairs as a mapping."""
    params: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param {pair!r} is not of the form K=V")
        params[name] = value
    call_params(params)
    return params


def checked_body(data: str | None) -> Any:
    """The body as JSON, from the option, a file, or stdin."""
    if data is None:
        return None
    text, place = data, "--data"
    if data.startswith("@"):
        place = "standard input" if data == "@-" else data[1:]
        text = read_text(data[1:])
    try:
        text.encode()
        body = json.loads(text)
    except UnicodeEncodeError:  # bytes that are not text; Python's settings may let them pass
        raise UsageError(f"{place} can't be read: it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{place} is not JSON: {json_fault(text, error)}",
            hint="""write it as '{"name": "value"}', with double quotes, or give a file: --data @FILE""",
        ) from None
    except RecursionError:
        raise UsageError(f"{place} has lists and objects nested too deeply") from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise UsageError(f"{place} has a number with thousands of digits") from None
    encoded(body)
    return body


def json_fault(text: str, error: json.JSONDecodeError) -> str:
    """Where a text stops being JSON."""
    if not text.strip():
        return "it is empty"
    if error.pos >= len(text.rstrip()):
        return "it ends too early"
    where = f"line {error.lineno}, column {error.colno}"
    return f"it goes wrong at {where}, before {text[error.pos : error.pos + 20].strip()!r}"


def read_text(place: str) -> str:
    """A file's text; `-` is stdin."""
    try:
        return read_stdin() if place == "-" else read_small(Path(place)).decode()
    except FileNotFoundError:
        raise UsageError(f"there is no file {place}") from None
    except NotAFile as error:
        raise UsageError(
            f"{place} is {error.what}, not a file",
            hint="save the body to a file first, or pipe it: --data @-",
        ) from None
    except OSError as error:
        raise UsageError(f"{place} can't be read: {(error.strerror or 'unknown').lower()}") from None
    except UnicodeDecodeError as error:
        named = "standard input" if place == "-" else place
        raise UsageError(f"{named} can't be read: it is not {error.encoding.upper()}") from None
    except ValueError:
        raise UsageError(f"{place!r} is not a file name") from None


def read_stdin() -> str:
    """All of stdin. Raises TooLarge."""
    text = sys.stdin.read(SMALL_FILE_BYTES + 1)
    if len(text) > SMALL_FILE_BYTES:
        raise TooLarge(SMALL_FILE_BYTES)
    return text


def call(crm: Crm, verb: str, path: str, params: dict[str, str], body: Any) -> Any:
    match verb:
        case "GET" | "DELETE":
            return getattr(crm, verb.lower())(path, params=params)
    return getattr(crm, verb.lower())(path, params=params, json=body)


def all_pages(crm: Crm, path: str, params: dict[str, str]) -> dict[str, Any]:
    """Every page of a list as one answer: all rows under their name, and `info` of the last page."""
    rows: list[Any] = []
    name, info = "data", {}
    for page in pages(crm, path, params):
        lists = [key for key, value in page.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise UsageError(
                f"{path} does not answer with one list, so it has no pages", hint="leave --all out"
            )
        name, info = lists[0], page.get("info", {})
        rows += page[name]
    return {name: rows, "info": info}


def first_page(params: dict[str, str]) -> int:
    """The number of the page to begin with. Raises UsageError."""
    text = params.get("page", "1")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"--param page={text[:40]!r} is not a page number")
    return int(text)


def pages(crm: Crm, path: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The pages of a list, by page token if Zoho gives one, else by number."""
    number = first_page(params)
    while True:
        page = crm.get(path, params=params)
        if not page:
            return
        yield page
        info = page.get("info") or {}
        if not info.get("more_records"):
            return
        token = info.get("next_page_token")
        params = {key: value for key, value in params.items() if key not in {"page", "page_token"}}
        number += 1
        params |= {"page_token": token} if token else {"page": str(number)}
