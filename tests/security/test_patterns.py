"""A pattern of a mapping takes time linear in the text, and means what it means to Python's `re`."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zmigrate import read_mapping
from zmigrate.errors import JobError
from zmigrate.rows.patterns import LONGEST, BadPattern, finder

LONG = 32_000
AT_ONCE_S = 2.0
"""Each of these takes milliseconds; with backtracking, some take years."""

LETTERS = "aäAÄßẞéÉkK\u212asSſiıİ1٣_- .,\n\tǅ\ufdd0\ufdd1\ud800"

ATOMS = st.one_of(
    st.sampled_from(LETTERS).map(re.escape),
    st.sampled_from([r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", ".", r"[\w.-]", r"[^\W\d]", "[a-zä-ü]"]),
    st.sampled_from([r"[^a]", r"[^\s\d]", r"[^äA-]", r"[\S]", r"[^\n]", r"\x41", r"é"]),
)
ASSERTIONS = st.sampled_from([r"\b", r"\B", "^", "$", r"\A", r"\Z"])
REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{,2}"])

PATTERNS = st.tuples(
    st.sampled_from(["", "", "(?i)", "(?m)", "(?s)", "(?a)", "(?im)"]),
    st.recursive(
        ATOMS | ASSERTIONS,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=4).map("".join),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
            st.tuples(inner, REPEATS).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
            inner.map(lambda part: f"({part})"),
            inner.map(lambda part: f"(?i:{part})"),
        ),
        max_leaves=8,
    ),
).map("".join)


@settings(max_examples=100)
@example(pattern=r"^Test\b", text="Testä")
@example(pattern=r"\w+$", text="ä\n")
@example(pattern=r"(?i)straße", text="STRAẞE")
@example(pattern=r"\B", text="")
@given(pattern=PATTERNS, text=st.text(LETTERS, max_size=12))
def test_a_pattern_is_found_where_python_finds_it(pattern: str, text: str):
    try:
        found = finder(pattern)
    except BadPattern:
        return  # refused, and so never found elsewhere
    text_of_characters = re.sub("[\ud800-\udfff\ufdd0\ufdd1]", "\ufffd", text)
    assert found(text) == (re.search(pattern, text_of_characters) is not None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^Test\b", "Testkonto"),
        (r"\btest\b", "ein test, ä"),
        (r"(?i)^(müller|groß)\b", "MÜLLER GmbH"),
        (r"^\d{5}$", "01234\n"),
        (r"(^|;)alt(;|$)", "neu;alt"),
        (r"(?m)^Absage", "Gespräch\nAbsage"),
        (r"[^\W\d_]{2,}", "12 é"),
        (r"^\s*$", " \u00a0"),
        (r"(?x) ^ a  # a comment", "abc"),
    ],
)
def test_what_people_write_is_possible(pattern: str, text: str):
    assert finder(pattern)(text) == bool(re.search(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a+)+$", "a" * LONG + "b"),
        ("(a|a)*b", "a" * LONG),
        (r"(\w+\s?)+$", "ä" * LONG + "!"),
        (r"\w{1,200}x", "ä" * LONG),
        (r"(.*a){20}", "a" * 15 + "b" * LONG),
        (r"(\bä+\b ?)+!$", "ä " * (LONG // 2)),
        (r"(?i)(ß+)+$", "ß" * LONG + "!"),
    ],
)
def test_a_hostile_pattern_takes_no_longer_than_others(pattern: str, text: str):
    found = finder(pattern)
    began = time.process_time()
    found(text)
    assert time.process_time() - began < AT_ONCE_S


@pytest.mark.parametrize(
    ("pattern", "what", "instead"),
    [
        (r"^Test(?!er)", "can't look ahead or behind", "two conditions"),
        (r"(?<=x)y", "can't look ahead or behind", "two conditions"),
        (r"(a)\1", "can't refer back", "'aa|bb'"),
        (r"(?P<x>a)(?P=x)", "can't refer back", "'aa|bb'"),
        (r"a++b", "possessive", "a+"),
        (r"(?>a+)b", "atomic", "(?:...)"),
        (r"a$\nb", "$ can only be the end", "(?m)$"),
        (r"a{1,1001}", "more than 1,000 times", "+ or *"),
        (r"(?:\w{1000}){1000}", "too much memory", "Repeat less"),
        (r"\b" * 17, "17 times", "several conditions"),
        ("(" * 400 + ")" * 400, "nested too deeply", ""),
        ("a" * (LONGEST + 1), "1,001 characters; 1,000 are allowed", ""),
        ("(", "is not a regular expression", "single quotes"),
        ("x{99999999999999999999}", "is not a regular expression", ""),
    ],
)
def test_what_a_pattern_can_not_have_is_refused_with_its_line(
    tmp_path: Path, pattern: str, what: str, instead: str
):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        'file = "a.csv"\nmodule = "Leads"\noperation = "insert"\n'
        "skip_if = [\n  { column = 'x', empty = true },\n"
        f"  {{ column = 'x', matches = '''{pattern}''' }},\n]\n"
    )
    with pytest.raises(JobError) as refused:
        read_mapping(mapping)
    assert refused.value.message.startswith(f"{mapping}:6: skip_if.2.matches: ")
    assert what in refused.value.message
    assert instead in (refused.value.hint or "")


@pytest.mark.parametrize("text", ["s", "S", "ſ", "k", "K", "\u212a", "x"])
@pytest.mark.parametrize(
    "pattern",
    [
        "^(é|([sS]))$",
        "^(j|([Ss])|y)$",
        "^(x|(k|K))$",
        "^((KK|[sS])|ß)$",
        "^((?i:S)|[Kk])$",
        "^(((?i:K)|[sS])|x)$",
        "^((j|((S|K))*|[kK])|(K|[s]))$",
        "(?ia)^(x|s|k)$",
        "^(x|S|s|[^\\W\\da-rt-zA-RT-Zſ])$",
    ],
)
def test_letters_with_a_third_case_are_no_more_than_what_is_written(pattern: str, text: str):
    assert finder(pattern)(text) == bool(re.search(pattern, text))


def test_the_engine_is_loaded_only_where_there_is_a_pattern():
    code = "import sys, zmigrate; zmigrate.read_mapping; print('re2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
