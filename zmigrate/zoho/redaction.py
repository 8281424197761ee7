"""Hides secrets in texts: a client's secret and every token got with it, in all answers before anybody reads
them, since a server may repeat what it was sent; and the secret options of a job, in all that is told of it.
"""

from __future__ import annotations

import html
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from zmigrate.zoho.secret import Secret

HIDDEN: Final = "***"

_SHORTEST: Final = 8  # Characters. A shorter text would be found where it means something else.

_A_WORD: Final = 4  # Characters. From here on a text for people is hidden inside of words, too.

_WRITTEN_OTHERWISE: Final = ("\\", "%", "&")
"""The first characters of other spellings of a letter: in JSON, in URLs, in HTML."""


_IN_BASE64: Final = "A-Za-z0-9+/_-"


class _Hidden(NamedTuple):
    """A secret, and how to find it."""

    text: str
    content: bytes
    pattern: re.Pattern[str]


class Redactor:
    """Replaces the secrets in an answer by `***`, in any spelling. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hidden: tuple[_Hidden, ...] = ()
        self._anywhere: tuple[re.Pattern[str], ...] = ()
        """Patterns of secrets that are hidden in texts for people."""

    def add(self, secret: Secret) -> None:
        """Hide this secret too from now on."""
        text = secret.reveal()
        with self._lock:
            if len(text) < _SHORTEST or any(each.text == text for each in self._hidden):
                return
            self._hidden = (*self._hidden, _Hidden(text, text.encode(), re.compile(_in_any_spelling(text))))

    def add_for_people(self, text: str) -> None:
        """Hide this text from now on, however short it is and also inside of Base64, where people read. One
        of up to three characters is hidden where it stands as a word.
        """
        pattern = re.compile(_for_people(text))
        with self._lock:
            if text:
                self._anywhere = _longest_first((*self._anywhere, pattern))

    def include(self, other: Redactor) -> None:
        """Hide also what another one hides."""
        with self._lock:
            self._hidden = tuple(dict.fromkeys((*self._hidden, *other._hidden)))
            self._anywhere = _longest_first((*self._anywhere, *other._anywhere))

    def may_hide(self, content: bytes) -> bool:
        """Whether these bytes of JSON may have a secret."""
        written_otherwise = b"\\" in content or b"%" in content or b"&" in content
        return written_otherwise or any(each.content in content for each in self._hidden)

    def redacted(self, body: Any) -> Any:
        """The JSON value without secrets in its texts and keys. Changes it in place."""
        if isinstance(body, str):
            return self.redacted_text(body)
        left = [body]
        while left:
            node = left.pop()
            if isinstance(node, dict):
                if any(self.redacted_text(key) is not key for key in node):
                    renamed = {self.redacted_text(key): value for key, value in node.items()}
                    node.clear()
                    node.update(renamed)
                children: Any = node.items()
            elif isinstance(node, list):
                children = enumerate(node)
            else:
                continue
            for place, child in children:
                if isinstance(child, str):
                    node[place] = self.redacted_text(child)
                elif isinstance(child, dict | list):
                    left.append(child)
        return body

    def redacted_text(self, text: str) -> str:
        """The text with secrets hidden; the same object if there are none."""
        hidden = text
        for each in self._hidden:
            hidden = hidden.replace(each.text, HIDDEN)
        if any(mark in hidden for mark in _WRITTEN_OTHERWISE):
            for each in self._hidden:
                hidden = each.pattern.sub(HIDDEN, hidden)
        for pattern in self._anywhere:
            hidden = pattern.sub(HIDDEN, hidden)
        return text if hidden == text else hidden

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Redactor) and self._both == other._both

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def _both(self) -> tuple[object, object]:
        return self._hidden, self._anywhere

    def __copy__(self) -> Redactor:
        return self

    def __deepcopy__(self, memo: Any) -> Redactor:
        return self

    def __repr__(self) -> str:
        return f"Redactor({len(self._hidden)})"


def _longest_first(patterns: tuple[re.Pattern[str], ...]) -> tuple[re.Pattern[str], ...]:
    """A secret may be a part of another one, whose rest would be left."""
    return tuple(sorted(dict.fromkeys(patterns), key=lambda each: -len(each.pattern)))


def _for_people(secret: str) -> str:
    plain = _in_any_spelling(secret)
    if len(secret) < _A_WORD:
        return rf"(?<!\w){plain}(?!\w)"
    wrapped = "|".join(dict.fromkeys(_in_base64(secret)))
    around = f"(?<![{_IN_BASE64}])[{_IN_BASE64}]*?"
    return f"{plain}|{around}(?:{wrapped})[{_IN_BASE64}]*=*"


def _in_base64(secret: str) -> Iterator[str]:
    """Patterns for the letters that the secret alone decides, wherever in the encoded text it begins:
    `user:secret` is encoded as a whole.
    """
    for content in (secret.encode(), secret.encode("latin-1", "replace")):
        for before in range(3):
            encoded = b64encode(b"\0" * before + content + b"\0\0").decode()
            sure = encoded[-(-before * 8 // 6) : (before + len(content)) * 8 // 6]
            yield "".join({"+": r"[+\-]", "/": "[/_]"}.get(letter, letter) for letter in sure)


def _in_any_spelling(secret: str) -> str:
    """A pattern without backtracking, so that no text makes it slow."""
    return "".join(
        _backslashes(len(piece)) if piece[0] == "\\" else _letter_in_any_spelling(piece)
        for piece in re.findall(r"\\+|[^\\]", secret)
    )


def _backslashes(count: int) -> str:
    return rf"(?>\\{{{count},{8 * count}}}+|(?i:%5c){{{count}}})"


def _letter_in_any_spelling(letter: str) -> str:
    code = ord(letter)
    percent = "".join(f"%{byte:02x}" for byte in letter.encode())
    units = letter.encode("utf-16-be")
    escaped = "".join(rf"\\{{1,8}}+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    octets = "".join(rf"\\{{1,8}}+x{byte:02x}" for byte in letter.encode())
    name = html.escape(letter) if letter in "&<>" else r"\+" if letter == " " else percent
    hexadecimal = rf"{octets}|\\{{1,8}}+x{code:02x}"  # of bytes, of a text
    spelt = rf"{percent}|{escaped}|{hexadecimal}|&#0{{0,6}}+{code};|&#x0{{0,6}}{code:x};|{name}"
    return rf"(?>(?i:{spelt})|\\{{0,8}}+{re.escape(letter)})"
