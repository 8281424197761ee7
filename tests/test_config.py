from __future__ import annotations

import os
import stat
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from zmigrate.cli.profile_file import write_profile
from zmigrate.config import Credentials, Secret, load_credentials, load_settings
from zmigrate.errors import ConfigError

ENVIRON = {
    "ZMIGRATE_CLIENT_ID": "1000.ENV",
    "ZMIGRATE_CLIENT_SECRET": "env-secret",
    "ZMIGRATE_SOID": "ZohoCRM.1",
    "ZMIGRATE_DC": "eu",
}
PROFILES = """
# my orgs
[profiles.default]
client_id = "1000.DEFAULT"
soid = "2"
dc = "US"
client_secret_env = "DEFAULT_SECRET"

[profiles.sandbox]
client_id = "1000.SANDBOX"
soid = "ZohoCRM.3"
accounts_url = "https://accounts.zoho.uk"
client_secret_env = "SANDBOX_SECRET"
upload_url = "https://content.zohoapis.com"
"""
DOTENV = """
ZMIGRATE_CLIENT_ID=1000.DOTENV
ZMIGRATE_CLIENT_SECRET='dotenv-secret'
export ZMIGRATE_SOID=4
ZMIGRATE_ACCOUNTS_URL=https://accounts.zoho.in/
"""


def load(folder: Path, profile: str | None = None, environ: dict[str, str] | None = None) -> Credentials:
    return load_credentials(profile, folder=folder, environ=environ or {})


def fault(folder: Path, profile: str | None = None, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(folder, profile, environ)
    assert caught.value.hint, "every message says what to do"
    assert caught.value.exit_code == 2
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "zmigrate.toml").write_text(PROFILES)
    (tmp_path / ".env").write_text(DOTENV + "SANDBOX_SECRET=sand\nDEFAULT_SECRET=def\n")
    return tmp_path


def test_a_named_profile_comes_first_and_is_taken_whole(folder: Path) -> None:
    credentials = load(folder, "sandbox", ENVIRON)

    assert credentials == Credentials(
        client_id="1000.SANDBOX",
        client_secret=Secret("sand"),
        soid="ZohoCRM.3",
        accounts_url="https://accounts.zoho.uk",
        place="profile `sandbox` in zmigrate.toml",
        profile="sandbox",
        upload_url="https://content.zohoapis.com",
    )


def test_the_environment_comes_before_dotenv(folder: Path) -> None:
    credentials = load(folder, environ=ENVIRON)

    assert (credentials.client_id, credentials.place) == ("1000.ENV", "the environment")
    assert (credentials.accounts_url, credentials.soid) == ("https://accounts.zoho.eu", "ZohoCRM.1")


def test_dotenv_comes_before_the_default_profile_and_stays_out_of_the_environment(folder: Path) -> None:
    credentials = load(folder)

    assert (credentials.client_id, credentials.place) == ("1000.DOTENV", ".env")
    assert (credentials.accounts_url, credentials.soid) == ("https://accounts.zoho.in", "ZohoCRM.4")
    assert "ZMIGRATE_CLIENT_ID" not in os.environ


def test_the_default_profile_comes_last(folder: Path) -> None:
    (folder / ".env").write_text("DEFAULT_SECRET=def\n")

    credentials = load(folder)

    assert (credentials.client_id, credentials.profile) == ("1000.DEFAULT", "default")
    assert credentials.client_secret.reveal() == "def"


@pytest.mark.parametrize("lacking", ["ZMIGRATE_CLIENT_SECRET", "ZMIGRATE_SOID", "ZMIGRATE_DC"])
def test_what_one_place_lacks_is_never_filled_in_from_another(folder: Path, lacking: str) -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != lacking}

    error = fault(folder, environ=environ)

    assert lacking in error.message
    assert "the environment" in error.message


def test_a_secret_alone_in_the_environment_is_no_place(folder: Path) -> None:
    environ = {"ZMIGRATE_CLIENT_SECRET": "x"}

    assert load(folder, environ=environ).place == ".env"


def test_a_profile_takes_its_secret_from_the_environment_before_dotenv(folder: Path) -> None:
    assert load(folder, "sandbox", {"SANDBOX_SECRET": "fresh"}).client_secret.reveal() == "fresh"


def test_without_any_credentials_the_way_out_is_named(tmp_path: Path) -> None:
    error = fault(tmp_path)

    assert "init" in (error.hint or "")
    assert "--emulator" in (error.hint or "")


def test_an_unknown_profile_names_the_nearest(folder: Path) -> None:
    assert "sandbox" in (fault(folder, "sandbx").hint or "")
    assert "default, sandbox" in fault(folder, "zzz").message


@pytest.mark.parametrize("soid", ["ZohoCRM.5", "5", "zohocrm.5", " ZohoCrm.5 "])
def test_the_soid_is_taken_with_and_without_its_service(tmp_path: Path, soid: str) -> None:
    assert load(tmp_path, environ={**ENVIRON, "ZMIGRATE_SOID": soid}).soid == "ZohoCRM.5"


@pytest.mark.parametrize("soid", ["ZohoDesk.5", "abc", "ZohoCRM.", "5.5"])
def test_a_wrong_soid_is_told_with_its_place(tmp_path: Path, soid: str) -> None:
    error = fault(tmp_path, environ={**ENVIRON, "ZMIGRATE_SOID": soid})

    assert "ZMIGRATE_SOID in the environment" in error.message
    assert soid in error.message


@pytest.mark.parametrize("dc", ["UK", "AE", "SG", "MARS"])
def test_a_data_centre_without_a_confirmed_host_is_reached_by_url_only(tmp_path: Path, dc: str) -> None:
    assert "give ZMIGRATE_ACCOUNTS_URL" in (
        fault(tmp_path, environ={**ENVIRON, "ZMIGRATE_DC": dc}).hint or ""
    )


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://accounts.zoho.com", "not https"),
        ("https://accounts.zoho.com.evil.example", "not a host of Zoho"),
        ("https://accounts.zoho.com/oauth", "without path"),
        ("accounts.zoho.com", "path"),
        ("ftp://127.0.0.1", "not http"),
    ],
)
def test_an_accounts_url_that_secrets_must_not_go_to_is_refused(tmp_path: Path, url: str, says: str) -> None:
    environ = {**ENVIRON, "ZMIGRATE_DC": "", "ZMIGRATE_ACCOUNTS_URL": url}

    assert says in fault(tmp_path, environ=environ).message


def test_plain_http_is_good_for_this_machine(tmp_path: Path) -> None:
    environ = {**ENVIRON, "ZMIGRATE_DC": "", "ZMIGRATE_ACCOUNTS_URL": "http://127.0.0.1:8765/"}

    assert load(tmp_path, environ=environ).accounts_url == "http://127.0.0.1:8765"


def test_a_data_centre_and_a_url_are_not_both_taken(tmp_path: Path) -> None:
    environ = {**ENVIRON, "ZMIGRATE_ACCOUNTS_URL": "https://accounts.zoho.com"}

    assert "only one may be" in fault(tmp_path, environ=environ).message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('client_secret = "oops-secret"', "client_secret does not belong"),
        ('clientid = "x"', "unknown key clientid"),
        ("soid = 5", "soid must be a text"),
        ('portal = "true"', "portal must be true or false"),
        ('dc = "US"\naccounts_url = "https://accounts.zoho.com"', "only one may be"),
        ('client_secret_env = "A"\nclient_secret_command = "b"', "not by both"),
    ],
)
def test_a_wrong_profile_names_file_table_and_key(tmp_path: Path, line: str, says: str) -> None:
    rest = {"client_id": "1", "soid": "5", "dc": "US", "client_secret_env": "A"}
    given_keys = {part.split(" = ")[0] for part in line.splitlines()}
    lines = [f'{key} = "{value}"' for key, value in rest.items() if key not in given_keys]
    (tmp_path / "zmigrate.toml").write_text("\n".join(["[profiles.p]", *lines, line]))

    error = fault(tmp_path, "p", {"A": "x"})

    assert says in error.message
    assert "zmigrate.toml" in error.message
    assert "oops-secret" not in error.message + (error.hint or "")


@pytest.mark.parametrize("lacking", ["client_id", "soid", "dc", "client_secret_env"])
def test_a_profile_that_lacks_a_key_names_it(tmp_path: Path, lacking: str) -> None:
    keys = {"client_id": "1", "soid": "5", "dc": "US", "client_secret_env": "A"}
    lines = [f'{key} = "{value}"' for key, value in keys.items() if key != lacking]
    (tmp_path / "zmigrate.toml").write_text("\n".join(["[profiles.p]", *lines]))

    assert lacking in fault(tmp_path, "p", {"A": "x"}).message


def test_a_variable_that_is_not_set_is_named(folder: Path) -> None:
    (folder / ".env").write_text("")

    assert "SANDBOX_SECRET" in fault(folder, "sandbox").message


@pytest.mark.parametrize("text", ["[profiles.x\n", "profiles = 3\n", "[profiles]\nx = 3\n", "\ufffe"])
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "zmigrate.toml").write_bytes(text.encode("utf-16" if text == "\ufffe" else "utf-8"))

    assert "zmigrate.toml" in fault(tmp_path, "x").message


def secret_command(folder: Path, program: str) -> str:
    (folder / "tell.py").write_text(program)
    return f"'{sys.executable}' '{folder / 'tell.py'}'"


def with_command(folder: Path, command: str) -> Path:
    text = f'[profiles.p]\nclient_id = "1"\nsoid = "5"\ndc = "US"\nclient_secret_command = """{command}"""\n'
    (folder / "zmigrate.toml").write_text(text)
    return folder


def test_a_command_prints_the_secret_and_no_shell_reads_it(tmp_path: Path) -> None:
    command = secret_command(tmp_path, "import sys; print('s3cret' if sys.argv[1:] == ['$HOME;'] else 'no')")

    credentials = load(with_command(tmp_path, command + " '$HOME;'"), "p")

    assert credentials.client_secret.reveal() == "s3cret"


def test_a_command_that_fails_shows_its_errors_and_never_its_output(tmp_path: Path) -> None:
    program = "import sys; print('s3cret'); print('vault is locked', file=sys.stderr); sys.exit(3)"

    error = fault(with_command(tmp_path, secret_command(tmp_path, program)), "p")

    assert "exit code 3: vault is locked" in error.message
    assert "s3cret" not in error.message + (error.hint or "")


@pytest.mark.parametrize("program", ["pass", "print('a'); print('b')"])
def test_a_command_must_print_one_line(tmp_path: Path, program: str) -> None:
    error = fault(with_command(tmp_path, secret_command(tmp_path, program)), "p")

    assert "nothing else" in error.message


@pytest.mark.parametrize("command", ["/no/such/program", "'unclosed"])
def test_a_command_that_can_not_be_run_is_told(tmp_path: Path, command: str) -> None:
    assert "client_secret_command" in fault(with_command(tmp_path, command), "p").message


def test_settings_have_their_defaults(tmp_path: Path) -> None:
    settings = load_settings(environ={}, folder=tmp_path)

    assert settings.state_dir == tmp_path / ".zmigrate"
    assert (settings.read_timeout_s, settings.retry_budget_s, settings.settle_s) == (60.0, 900.0, None)
    assert settings.token_limit == (10, 600.0)
    assert (settings.wait_for_credits, settings.concurrency) == (False, None)


def test_settings_come_from_options_then_the_environment_then_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "ZMIGRATE_SETTLE_S=1\nZMIGRATE_READ_TIMEOUT_S=2\nZMIGRATE_STATE_DIR=three\n"
    )
    environ = {"ZMIGRATE_SETTLE_S": "0.5", "ZMIGRATE_TOKEN_LIMIT": "3/2.5", "ZMIGRATE_RETRY_BUDGET_S": "20"}

    settings = load_settings(
        environ=environ, folder=tmp_path, retry_budget_s=7.0, wait_for_credits=True, concurrency=None
    )

    assert (settings.settle_s, settings.read_timeout_s, settings.retry_budget_s) == (0.5, 2.0, 7.0)
    assert (settings.token_limit, settings.state_dir) == ((3, 2.5), tmp_path / "three")
    assert (settings.wait_for_credits, settings.concurrency) == (True, None)
    chosen = load_settings(environ=environ, folder=tmp_path, state_dir=tmp_path / "four")
    assert chosen.state_dir == tmp_path / "four"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ZMIGRATE_SETTLE_S", "soon"),
        ("ZMIGRATE_SETTLE_S", "-1"),
        ("ZMIGRATE_SETTLE_S", "nan"),
        ("ZMIGRATE_SETTLE_S", "inf"),
        ("ZMIGRATE_READ_TIMEOUT_S", "0"),
        ("ZMIGRATE_RETRY_BUDGET_S", "15m"),
        ("ZMIGRATE_TOKEN_LIMIT", "10"),
        ("ZMIGRATE_TOKEN_LIMIT", "0/600"),
        ("ZMIGRATE_TOKEN_LIMIT", "ten/600"),
    ],
)
def test_a_setting_that_can_not_be_read_names_its_variable(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={variable: text}, folder=tmp_path)

    assert variable in caught.value.message
    assert caught.value.hint


VALUES = {"client_id": "1000.NEW", "soid": "ZohoCRM.9", "dc": "IN"}


def test_a_profile_may_say_that_its_soid_is_a_portals(tmp_path: Path) -> None:
    for name, values in {"portal": {**VALUES, "portal": True}, "plain": VALUES}.items():
        write_profile(tmp_path, name, values, Secret("s"))

    assert "portal = true" in (tmp_path / "zmigrate.toml").read_text()
    assert (load(tmp_path, "portal").portal, load(tmp_path, "plain").portal) == (True, False)


def test_a_written_profile_is_read_again(tmp_path: Path) -> None:
    write_profile(tmp_path, "new", VALUES, Secret("it's a \\secret\\ \"#$ {x}"))

    credentials = load(tmp_path, "new")

    assert (credentials.client_id, credentials.soid) == ("1000.NEW", "ZohoCRM.9")
    assert credentials.client_secret.reveal() == "it's a \\secret\\ \"#$ {x}"
    assert "{x}" not in (tmp_path / "zmigrate.toml").read_text()


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    secret=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), min_size=1
    )
)
def test_any_secret_survives_the_way_through_dotenv(tmp_path: Path, secret: str) -> None:
    write_profile(tmp_path, "new", VALUES, Secret(secret))

    assert load(tmp_path, "new").client_secret.reveal() == secret


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize("before", [None, 0o644])
def test_the_secret_is_for_its_owner_only(tmp_path: Path, before: int | None) -> None:
    if before is not None:
        (tmp_path / ".env").write_text("OTHER=1\n")
        (tmp_path / ".env").chmod(before)

    write_profile(tmp_path, "new", VALUES, Secret("s"))

    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_writing_keeps_the_rest_of_both_files(folder: Path) -> None:
    write_profile(folder, "new", VALUES, Secret("one"))
    write_profile(folder, "new", {**VALUES, "soid": "ZohoCRM.10"}, Secret("two"))

    text = (folder / "zmigrate.toml").read_text()
    assert "# my orgs" in text
    profiles: dict[str, Any] = tomllib.loads(text)["profiles"]
    assert list(profiles) == ["default", "sandbox", "new"]
    assert profiles["new"]["soid"] == "ZohoCRM.10"
    env = (folder / ".env").read_text()
    assert "dotenv-secret" in env
    assert env.count("ZMIGRATE_NEW_CLIENT_SECRET") == 1
    assert "one" not in env


def test_two_profiles_never_share_a_variable(tmp_path: Path) -> None:
    write_profile(tmp_path, "my-org", VALUES, Secret("a"))

    with pytest.raises(ConfigError, match="my-org"):
        write_profile(tmp_path, "my_org", VALUES, Secret("b"))

    assert load(tmp_path, "my-org").client_secret.reveal() == "a"


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ä", "../x"])
def test_a_profile_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        write_profile(tmp_path, name, VALUES, Secret("s"))


def test_a_secret_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line break"):
        write_profile(tmp_path, "new", VALUES, Secret("a\nEVIL=1"))

    assert not (tmp_path / ".env").exists()


def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "zmigrate.toml").write_text("[profiles.x\n")

    with pytest.raises(ConfigError):
        write_profile(tmp_path, "new", VALUES, Secret("s"))

    assert (tmp_path / "zmigrate.toml").read_text() == "[profiles.x\n"


@pytest.mark.parametrize(
    ("set_", "message"),
    [
        (
            {"ZMIGRATE_ACCOUNTS_URL": "http://accounts.zoho.com"},
            "the environment: ZMIGRATE_ACCOUNTS_URL is 'http://accounts.zoho.com', which is not https.",
        ),
        ({"ZMIGRATE_DC": "XX"}, "the environment: ZMIGRATE_DC is 'XX', an unknown data centre."),
        ({}, "the environment: neither ZMIGRATE_DC nor ZMIGRATE_ACCOUNTS_URL is set."),
        (
            {"ZMIGRATE_DC": "EU", "ZMIGRATE_ACCOUNTS_URL": "https://accounts.zoho.eu"},
            "the environment: ZMIGRATE_DC and ZMIGRATE_ACCOUNTS_URL are both set; only one may be.",
        ),
    ],
)
def test_the_variable_that_is_wrong_is_named_with_its_value(
    tmp_path: Path, set_: dict[str, str], message: str
) -> None:
    environ = {"ZMIGRATE_CLIENT_ID": "1000.X", "ZMIGRATE_CLIENT_SECRET": "s", "ZMIGRATE_SOID": "1", **set_}
    with pytest.raises(ConfigError) as caught:
        load_credentials(None, folder=tmp_path, environ=environ)
    assert caught.value.message == message


def test_a_url_with_a_password_is_not_quoted(tmp_path: Path) -> None:
    environ = {
        "ZMIGRATE_CLIENT_ID": "1000.X",
        "ZMIGRATE_CLIENT_SECRET": "s",
        "ZMIGRATE_SOID": "1",
        "ZMIGRATE_ACCOUNTS_URL": "https://me:hidden@accounts.zoho.com",
    }
    with pytest.raises(ConfigError) as caught:
        load_credentials(None, folder=tmp_path, environ=environ)
    assert "hidden" not in caught.value.message
