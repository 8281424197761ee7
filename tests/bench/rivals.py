"""What zmigrate is compared with, each in a process of its own:
`python -m tests.bench.rivals NAME ROWS IN_FLIGHT`.

- blaster: bytes made beforehand over plain sockets; how fast the emulator is.
- bare: the loop that anybody would write, with httpx and orjson; no journal, nothing repeated.
- sdk: Zoho's own Python SDK, as its samples use it.

Each prints one JSON object: rows that were created, and seconds for it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import orjson

from tests.bench.data import MODULE, batches, record

PATH = f"/crm/v8/{MODULE}"
SCOPES = "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.ALL,ZohoCRM.org.ALL"


@dataclass(frozen=True, slots=True)
class Org:
    url: str
    token: str

    @classmethod
    def of_environment(cls) -> Org:
        url = os.environ["ZMIGRATE_ACCOUNTS_URL"]
        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["ZMIGRATE_CLIENT_ID"],
            "client_secret": os.environ["ZMIGRATE_CLIENT_SECRET"],
            "soid": os.environ["ZMIGRATE_SOID"],
            "scope": SCOPES,
        }
        return cls(url, httpx.post(f"{url}/oauth/v2/token", data=form).json()["access_token"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Zoho-oauthtoken {self.token}", "Content-Type": "application/json"}


def body_of(numbers: range) -> bytes:
    return orjson.dumps({"data": [record(number) for number in numbers], "trigger": []})


def created_in(answer: bytes) -> int:
    return sum(element["code"] == "SUCCESS" for element in orjson.loads(answer)["data"])


def in_threads(count: int, work: Callable[[Iterator[range]], int], todo: list[range]) -> int:
    """Let so many threads take from one list of batches; gives the sum of what they did."""
    lock, done = threading.Lock(), [0] * count
    rest = iter(todo)

    def share() -> Iterator[range]:
        while True:
            with lock:
                numbers = next(rest, None)
            if numbers is None:
                return
            yield numbers

    def run(place: int) -> None:
        done[place] = work(share())

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def bare(org: Org, rows: int, in_flight: int) -> tuple[int, float]:
    with httpx.Client(timeout=60, headers=org.headers) as client:

        def work(share: Iterator[range]) -> int:
            return sum(created_in(client.post(org.url + PATH, content=body_of(n)).content) for n in share)

        began = time.perf_counter()
        created = in_threads(in_flight, work, batches(rows))
        return created, time.perf_counter() - began


def blaster(org: Org, rows: int, in_flight: int) -> tuple[int, float]:
    address = urlsplit(org.url)
    head = "".join(f"{name}: {value}\r\n" for name, value in org.headers.items())
    requests = {}
    for numbers in batches(rows):
        body = body_of(numbers)
        first = f"POST {PATH} HTTP/1.1\r\nHost: {address.netloc}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        requests[numbers] = first.encode() + body

    def work(share: Iterator[range]) -> int:
        created = 0
        with socket.create_connection((address.hostname or "", address.port or 80)) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for numbers in share:
                wire.sendall(requests[numbers])
                created += read_answer(wire).count(b'"SUCCESS"')
        return created

    began = time.perf_counter()
    created = in_threads(in_flight, work, batches(rows))
    return created, time.perf_counter() - began


def read_answer(wire: socket.socket) -> bytes:
    """The body of one answer with a Content-Length."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += wire.recv(1 << 16)
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    pieces, size = [body], len(body)
    while size < length:
        pieces.append(wire.recv(1 << 16))
        size += len(pieces[-1])
    return b"".join(pieces)


def sdk(org: Org, rows: int, in_flight: int) -> tuple[int, float]:
    """One call after the other, whatever `in_flight` says: it has no other way. It reads the fields first."""
    from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
    from zohocrmsdk.src.com.zoho.api.authenticator.store.token_store import TokenStore
    from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
    from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
    from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper, Record, RecordOperations, SuccessResponse

    class Nowhere(TokenStore):
        """Keeps no token: the one that is given lasts."""

        def find_token(self, token: object) -> object:
            return token

        def find_token_by_id(self, id: str) -> None:
            return None

        def save_token(self, token: object) -> None: ...
        def delete_token(self, id: str) -> None: ...
        def delete_tokens(self) -> None: ...
        def get_tokens(self) -> list[object]:
            return []

    def wrapped(number: int) -> Record:
        made = Record()
        for name, value in record(number).items():
            made.add_key_value(name, value)
        return made

    with tempfile.TemporaryDirectory() as folder:
        Initializer.initialize(
            environment=DataCenter.Environment(org.url, org.url, org.url),
            token=OAuthToken(access_token=org.token, find_user=False),
            store=Nowhere(),
            resource_path=folder,
        )
        began, created = time.perf_counter(), 0
        for numbers in batches(rows):
            wrapper = BodyWrapper()
            wrapper.set_data([wrapped(number) for number in numbers])
            wrapper.set_trigger([])
            answer = RecordOperations(MODULE).create_records(wrapper).get_object()
            created += sum(isinstance(element, SuccessResponse) for element in answer.get_data())
        return created, time.perf_counter() - began


RIVALS = {"bare": bare, "blaster": blaster, "sdk": sdk}

if __name__ == "__main__":
    name, rows, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    created, seconds = RIVALS[name](Org.of_environment(), rows, in_flight)
    print(json.dumps({"created": created, "seconds": seconds}))
