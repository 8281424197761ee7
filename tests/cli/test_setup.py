"""`init` tries what it is told before it keeps it; `check` tells what works; neither shows a secret."""

from __future__ import annotations

import json
import stat
import tomllib

import pytest

from zmigrate.emulator import Emulator, Options


def answers(emulator: Emulator, **changes: str) -> list[str]:
    values = {
        "profile": "",
        "place": emulator.accounts_url,
        "client_id": emulator.client_id,
        "secret": emulator.client_secret,
        "soid": emulator.soid,
    }
    return list((values | changes).values())


def test_init_writes_what_it_has_tried(zmigrate, typed, emulator, folder):
    typed(*answers(emulator))
    done = zmigrate("init")
    assert done.code == 0, done.err
    profile = tomllib.loads((folder / "zmigrate.toml").read_text())["profiles"]["default"]
    assert profile["client_id"] == emulator.client_id
    assert profile["accounts_url"] == emulator.accounts_url
    assert emulator.client_secret not in (folder / "zmigrate.toml").read_text()
    assert emulator.client_secret in (folder / ".env").read_text()
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    assert emulator.client_secret not in done.out + done.err
    assert zmigrate("check").code == 0


def test_init_takes_an_org_id_without_the_service_and_the_secret_from_the_environment(
    zmigrate, typed, emulator, folder, monkeypatch
):
    monkeypatch.setenv("ZMIGRATE_CLIENT_SECRET", emulator.client_secret)
    typed(emulator.accounts_url, emulator.client_id, emulator.soid.removeprefix("ZohoCRM."))
    assert zmigrate("init", "--profile", "sandbox").code == 0
    assert (
        tomllib.loads((folder / "zmigrate.toml").read_text())["profiles"]["sandbox"]["soid"] == emulator.soid
    )


@pytest.mark.parametrize(
    ("changes", "exit_code", "words"),
    [
        ({"client_id": "1000.WRONG"}, 3, ["Self Client", "data centre"]),
        ({"secret": "wrong"}, 3, ["secret"]),
        ({"soid": "ZohoCRM.999"}, 3, ["org"]),
        ({"soid": "my company"}, 2, ["not an org", "Company Details"]),
        ({"place": "http://accounts.zoho.eu"}, 2, ["not https"]),
        ({"place": "https://accounts.example.com"}, 2, ["not a host of Zoho"]),
        ({"place": "XX"}, 2, ["unknown data centre"]),
        ({"client_id": ""}, 2, ["are all needed"]),
    ],
)
def test_a_refusal_says_what_to_do_and_nothing_is_kept(
    zmigrate, typed, emulator, folder, changes, exit_code, words
):
    typed(*answers(emulator, **changes))
    done = zmigrate("init")
    assert done.code == exit_code, done.err
    last = done.err[done.err.index("error: ") :]
    assert "hint: " in last or "are all needed" in last
    for word in words:
        assert word in last
    assert not (folder / "zmigrate.toml").exists()
    assert not (folder / ".env").exists()


def test_a_scope_that_the_client_may_not_have_is_named(zmigrate, typed, folder):
    with Emulator(Options(allowed_scopes="ZohoCRM.modules.ALL")) as emulator:
        typed(*answers(emulator))
        done = zmigrate("init")
    assert done.code == 3
    assert "ZohoCRM.org.READ" in done.err


def test_init_does_not_overwrite_without_asking(zmigrate, typed, emulator, folder):
    kept = '[profiles.default]\nclient_id = "old"\n'
    (folder / "zmigrate.toml").write_text(kept)
    typed("", "n")
    done = zmigrate("init")
    assert done.code == 2
    assert "is unchanged" in done.err
    assert (folder / "zmigrate.toml").read_text() == kept


def test_init_replaces_when_told_to_and_keeps_the_rest_of_the_file(zmigrate, typed, emulator, folder):
    (folder / "zmigrate.toml").write_text(
        '# mine\n[profiles.default]\nclient_id = "old"\n[profiles.other]\nsoid = "1"\n'
    )
    typed(*["", "y", *answers(emulator)[1:]])
    assert zmigrate("init").code == 0
    text = (folder / "zmigrate.toml").read_text()
    assert "# mine" in text
    assert "other" in text
    assert "old" not in text


def test_init_says_so_when_the_answers_end(zmigrate, typed):
    typed("", "EU")
    done = zmigrate("init")
    assert done.code == 2
    assert "ended before" in done.err


def test_check_tells_place_org_token_clock_and_credits_but_no_value(zmigrate, credentials):
    done = zmigrate("check")
    assert done.code == 0, done.err
    for word in (
        "the environment",
        "ZohoCRM.org.READ",
        "sandbox",
        "in step with Zoho's",
        "ms a call",
        "left",
    ):
        assert word in done.out
    assert credentials.client_secret not in done.out
    assert credentials.client_id not in done.out


def test_check_names_the_org_as_a_soid_does(zmigrate, credentials):
    assert f"soid {credentials.soid};" in zmigrate("check").out
    zgid = json.loads(zmigrate("check", "--json").out)["org"]["zgid"]
    assert credentials.soid == f"ZohoCRM.{zgid}"


def test_check_as_json(zmigrate, credentials):
    found = json.loads(zmigrate("check", "--json", "--scope", "ZohoCRM.modules.leads.READ").out)
    assert found["org"]["sandbox"] is True
    assert "ZohoCRM.modules.leads.READ" in found["scopes"]
    assert found["api_domain"] == credentials.url
    assert found["error"] is None


def test_check_warns_of_a_clock_that_is_an_hour_off(zmigrate, monkeypatch):
    from zmigrate.cli.emulator import environment_of

    with Emulator(Options(clock_skew_s=3600)) as emulator:
        for name, value in environment_of(emulator).items():
            monkeypatch.setenv(name, value)
        done = zmigrate("check")
    assert done.code == 0, done.err
    assert "WARNING: 1 h 0 min behind" in done.out


def test_check_without_credentials_says_how_to_get_some(zmigrate):
    done = zmigrate("check", "--json")
    assert done.code == 2
    assert "zmigrate init" in done.err
    assert json.loads(done.out)["error"]["code"] == "CONFIG"


def test_check_with_profiles_but_no_default_names_them(zmigrate, folder):
    (folder / "zmigrate.toml").write_text("[profiles.prod]\n[profiles.sandbox]\n")
    done = zmigrate("check")
    assert done.code == 2
    assert done.err.endswith("hint: Name one: --profile prod or --profile sandbox.\n")


def test_init_says_where_the_console_of_the_chosen_data_centre_is(zmigrate, typed):
    typed("", "CA")
    assert "https://api-console.zohocloud.ca\n" in zmigrate("init").err


def test_check_with_a_wrong_secret_is_refused(zmigrate, credentials, monkeypatch):
    monkeypatch.setenv("ZMIGRATE_CLIENT_SECRET", "wrong")
    done = zmigrate("check")
    assert done.code == 3
    assert "hint: " in done.err


def test_an_answer_that_cant_be_right_is_offered_no_more(typed):
    from zmigrate.cli.setup import asked_credentials
    from zmigrate.errors import ConfigError

    answers: dict[str, str] = {}
    typed("2da4e7bd8cae0f11a39c")
    with pytest.raises(ConfigError):
        asked_credentials(answers, {}, "default")
    assert answers == {}
