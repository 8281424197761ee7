"""Every error that zmigrate raises, named after what to do next.

    ZmigrateError                 has a `code`, a `hint` and an `exit_code`
    ├── UsageError            2   wrong use; nothing was sent
    │   ├── ConfigError           profile, credentials, settings
    │   ├── JobError              a job class or module, or its options
    │   │   └── JobFailed             an exception in the job's own code
    │   ├── SourceError           a file that can't be read as it is
    │   └── RunError              a run that can't be opened: locked, unknown, unfinished, changed
    ├── RefusedError          3   Zoho refuses: client, scope, org, permission
    │   ├── ScopeError            a scope is missing
    │   └── OrgError              the token is for another org than the one asked for, or an unknown one
    ├── PausedError           4   stopped early, resumable
    │   ├── CreditsSpent          the org's API credits are used up
    │   ├── Outage                Zoho did not answer within the time budget
    │   ├── ReadFailed            Zoho gives no usable answer to one read, and answers others
    │   ├── OrgFull               the org takes no more records
    │   ├── BreakerOpen           many rows in a row were all refused with one code
    │   └── DiskFull              the run folder can't grow
    ├── InternalError         5   our own fault
    │   ├── AccountingError       rows do not add up
    │   └── JournalDamaged        the journal can't be read
    └── ApiError              3   what Zoho said about a whole request
        ├── Retryable             may be sent again (throttled, server error on something repeatable)
        ├── Fatal                 will be refused again
        └── InDoubt               sent, and the answer never came

A row that Zoho refuses is data, not an exception. `StopRequested` (stopping.py) is not an error either.
"""

from __future__ import annotations

import errno
from typing import Final

_NO_ROOM: Final = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
_NO_ROOM_SQLITE: Final = frozenset([13, 10])
"""SQLITE_FULL, and SQLITE_IOERR for a temporary file that can't grow. (`sqlite3` is slow to import.)"""

OUT_OF_FILES: Final = frozenset([errno.EMFILE, errno.ENFILE])
MORE_FILES: Final = "Allow more open files (ulimit -n 1024), then give the command again."

_NO_LOCKS_SQLITE: Final = frozenset(
    ["SQLITE_PROTOCOL", "SQLITE_NOLFS"]
    + [f"SQLITE_IOERR_{what}" for what in ("LOCK", "UNLOCK", "RDLOCK", "CHECKRESERVEDLOCK")]
    + [f"SQLITE_IOERR_SHM{what}" for what in ("OPEN", "LOCK", "MAP")]  # not SHMSIZE: the disk may be full
)


class ZmigrateError(Exception):
    """zmigrate can't go on."""

    exit_code = 5
    code = "ERROR"
    maybe_applied = False  # True if this ended a write, and an earlier attempt may have been applied

    def __init__(self, message: str | None = None, *, hint: str | None = None, code: str | None = None):
        super().__init__(message or (type(self).__doc__ or "").strip())
        self.message: str = self.args[0]
        self.hint = hint
        if code is not None:
            self.code = code

    def to_json(self) -> dict[str, str | None]:
        """The error as `--json` prints it."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class UsageError(ZmigrateError):
    """The command, its options, the configuration or a file is wrong; nothing was sent."""

    exit_code = 2
    code = "USAGE"


class ConfigError(UsageError):
    """The configuration or the credentials can't be used."""

    code = "CONFIG"


class JobError(UsageError):
    """The job can't be used as it is."""

    code = "JOB"


class JobFailed(JobError):
    """The job's own code raised an exception."""

    code = "JOB_FAILED"

    def __init__(self, message: str | None = None, *, hint: str | None = None, detail: str | None = None):
        super().__init__(message, hint=hint)
        self.detail = detail
        """The traceback, without secrets."""


class SourceError(UsageError):
    """The source can't be read."""

    code = "SOURCE"


class RunError(UsageError):
    """The run can't be opened."""

    code = "RUN"


class RefusedError(ZmigrateError):
    """Zoho refuses the client, the scope, the org or the permission."""

    exit_code = 3
    code = "REFUSED"


class ScopeError(RefusedError):
    """The client may not have a scope that the job needs."""

    code = "SCOPE"

    def __init__(
        self,
        message: str | None = None,
        *,
        hint: str | None = None,
        code: str | None = None,
        needed: tuple[str, ...] = (),
    ):
        super().__init__(message, hint=hint, code=code)
        self.needed = needed
        """The scopes that the refused call lacks, as far as they are known."""


class OrgError(RefusedError):
    """The token opens another org than the one that was asked for."""

    code = "WRONG_ORG"


class PausedError(ZmigrateError):
    """The run stopped early and can be resumed."""

    exit_code = 4
    code = "PAUSED"


class CreditsSpent(PausedError):
    """The org's API credits are used up."""

    code = "CREDITS_SPENT"


class Outage(PausedError):
    """Zoho did not answer within the time budget."""

    code = "OUTAGE"


class ReadFailed(PausedError):
    """Zoho gives no usable answer to a read, though it answers others."""

    code = "READ_FAILED"


class OrgFull(PausedError):
    """The org takes no more records."""

    code = "ORG_FULL"


class BreakerOpen(PausedError):
    """So many rows in a row failed with one code that the run stopped."""

    code = "BREAKER"


class DiskFull(PausedError):
    """The disk that holds the run folder is full."""

    code = "DISK_FULL"


class InternalError(ZmigrateError):
    """Something went wrong inside zmigrate."""

    code = "INTERNAL"


class AccountingError(InternalError):
    """The rows of the run do not add up."""

    code = "ACCOUNTING"


class JournalDamaged(InternalError):
    """The run's journal can't be read."""

    code = "JOURNAL_DAMAGED"


class ApiError(ZmigrateError):
    """Zoho refused the request."""

    exit_code = 3
    code = "API"

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        hint: str | None = None,
    ):
        super().__init__(message, hint=hint, code=code)
        self.status = status


class Retryable(ApiError):
    """Zoho could not do this now; the same request may be sent again."""


class Fatal(ApiError):
    """Zoho refused the request, and would refuse it again."""

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        hint: str | None = None,
        may_be_one_record: bool = False,
        row: int | None = None,
    ):
        super().__init__(message, status=status, code=code, hint=hint)
        self.may_be_one_record = may_be_one_record
        """True if one of the records may be at fault, and Zoho does not say which."""
        self.row = row
        """The place, from 0, of the record that is to blame for the refusal of the whole request."""


class InDoubt(ApiError):
    """The request was sent and its answer never came: it may or may not have been applied."""

    code = "IN_DOUBT"

    def __init__(
        self,
        message: str | None = None,
        *,
        status: int | None = None,
        timed_out: bool = False,
        others_answered: bool = False,
    ):
        super().__init__(message, status=status)
        self.timed_out = timed_out
        """True after a timeout: the server may still be at work, so the check waits longer."""
        self.others_answered = others_answered
        """True if other requests were answered meanwhile: this is not an outage."""

    @property
    def by_zoho(self) -> bool:
        """True: Zoho's answer was unusable (a server error, an incomplete body). False: no answer came."""
        return self.status is not None


def is_full_disk(error: BaseException) -> bool:
    """Whether an error of the system, or of a database outside the journal, means that the disk is full."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_ROOM_SQLITE


def lacks_locks(error: BaseException) -> bool:
    """Whether an error of SQLite means that the file system has no locks or no shared memory for it."""
    name = getattr(error, "sqlite_errorname", "")
    return name in _NO_LOCKS_SQLITE


def disk_full(error: BaseException, then: str) -> DiskFull:
    """The error for a full disk. `then`: what to do once there is room."""
    if isinstance(error, OSError):
        return DiskFull(hint=f"Make room, {then}.")
    return DiskFull(
        f"A temporary database can't grow: {error}.",
        hint=f"Make room where temporary files are (or name another place: SQLITE_TMPDIR, TMPDIR), {then}.",
    )
