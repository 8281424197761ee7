"""Hides a client's secret, and every token got with it in this process. All answers pass through here before
anybody reads them, since a server may repeat what it was sent.
"""

from __future__ import annotations

import html
import re
import threading
from typing import Any, Final, NamedTuple

from zmigrate.zoho.secret import Secret

HIDDEN: Final = "***"

_SHORTEST: Final = 8  # Characters. A shorter text would be found where it means something else.

_WRITTEN_OTHERWISE: Final = ("\\", "%", "&")
"""The first characters of other spellings of a letter: in JSON, in URLs, in HTML."""


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

    def add(self, secret: Secret) -> None:
        """Hide this secret too from now on."""
        text = secret.reveal()
        with self._lock:
            if len(text) < _SHORTEST or any(each.text == text for each in self._hidden):
                return
            self._hidden = (*self._hidden, _Hidden(text, text.encode(), re.compile(_in_any_spelling(text))))

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
        return text if hidden == text else hidden

    def __copy__(self) -> Redactor:
        return self

    def __deepcopy__(self, memo: Any) -> Redactor:
        return self

    def __repr__(self) -> str:
        return f"Redactor({len(self._hidden)})"


def _in_any_spelling(secret: str) -> str:
    """A pattern without backtracking, so that no text makes it slow."""
    return "".join(
        rf"\\{{{len(piece)},{8 * len(piece)}}}+" if piece[0] == "\\" else _letter_in_any_spelling(piece)
        for piece in re.findall(r"\\+|[^\\]", secret)
    )


def _letter_in_any_spelling(letter: str) -> str:
    code = ord(letter)
    percent = "".join(f"%{byte:02x}" for byte in letter.encode())
    units = letter.encode("utf-16-be")
    escaped = "".join(rf"\\{{1,8}}+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    name = html.escape(letter) if letter in "&<>" else percent
    spelt = rf"{percent}|{escaped}|\\{{1,8}}+x{code:02x}|&#0{{0,6}}+{code};|&#x0{{0,6}}{code:x};|{name}"
    return rf"(?>(?i:{spelt})|\\{{0,8}}+{re.escape(letter)})"
