# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves a trial commit, beyond the login that reads it: the clock follows what the configuration says.

Rules of this file: a source counts only when a packet of it came after the change. A client stays synchronised to a
source that it lost for up to eight polls (RFC 5905, section 13), so that the state alone proves nothing.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass

from ..ntp.model import Configuration
from .dialect import Dialect
from .display import ClockStatus, SourceSession, read_sessions, read_status
from .errors import DeviceError
from .session import Session

PERSIST_ID = "ntp-multicast"
_SECONDS_BETWEEN_LOOKS = 2.0
_LEAST_RESERVE = 15.0  # seconds of a trial that are left for the commit that confirms it
_SHARE_OF_RESERVE = 0.2
_ROUNDING = 1.0  # a device tells whole seconds


class Confirm(enum.Enum):
    """What confirms a trial commit."""

    LOGIN = "login"
    SYNCHRONISED = "synchronised"
    NONE = "none"


class NotSynchronisedError(DeviceError):
    """The device took the change, and is not synchronised to what it says."""


@dataclass(frozen=True)
class Sight:
    """One look at the clock, so many seconds after the change."""

    status: ClockStatus
    sources: tuple[SourceSession, ...]
    seconds: float

    def fresh(self, source: SourceSession) -> bool:
        """Whether a packet of the source came after the change."""
        if source.now is not None:
            return bool(source.reach) and source.now + _ROUNDING < self.seconds
        # Without the age of the last packet, the register has to have moved on (RFC 5905, section 9.2).
        moved = source.poll is not None and self.seconds > source.poll + _ROUNDING
        return moved and bool((source.reach or 0) & 1)

    @property
    def words(self) -> str:
        """What was seen, for the user."""
        state = "synchronised" if self.status.synchronised else "not synchronised"
        seen = [f"clock {state}, stratum {self.status.stratum}, reference {self.status.reference_id}"]
        seen += [self._about(source) for source in self.sources if not source.local]
        if not any(not source.local for source in self.sources):
            seen.append("no source was heard")
        return "; ".join(seen)

    def _about(self, source: SourceSession) -> str:
        heard = "heard after the change" if self.fresh(source) else "not heard after the change"
        age = "" if source.now is None else f" (last packet {source.now} seconds ago)"
        selected = "" if source.selected else ", not selected"
        return f"source {source.source}: {heard}{age}{selected}"


def synchronised_to_description(present: Configuration, sight: Sight) -> bool:
    """Whether the clock follows what the configuration says: a heard source, or the device's own clock."""
    interfaces = present.interfaces or ()
    listens = any(interface.clients for interface in interfaces)
    serves = any(interface.servers for interface in interfaces)
    stratum = present.server.reference_stratum if present.server else None
    upstream = bool(present.server and present.server.upstream)
    if not listens and not serves and not upstream and stratum is None:
        return True  # nothing to follow is described
    if not sight.status.synchronised:
        return False
    if not listens:
        return True
    heard = [source for source in sight.sources if not source.local and sight.fresh(source)]
    # With a local clock of its own, or a unicast server, which is asked every 17 minutes at worst, the device need not
    # follow what it hears.
    return bool(heard) if stratum is not None or upstream else any(source.selected for source in heard)


def wait_until_synchronised(session: Session, dialect: Dialect, present: Configuration, trial: int) -> None:
    """Look until the clock follows the configuration. The trial began just now.

    Raises:
        NotSynchronisedError: it does not, and the time that is left is needed to confirm the trial.
    """
    bound = trial - max(_LEAST_RESERVE, trial * _SHARE_OF_RESERVE)
    sight = watch(session, dialect, present, time.monotonic(), bound)
    if not synchronised_to_description(present, sight):
        raise NotSynchronisedError(
            f"{bound:.0f} seconds after the trial commit the device is not synchronised to what its configuration "
            f"says: {sight.words}."
        )


def watch(session: Session, dialect: Dialect, present: Configuration, change: float, bound: float) -> Sight:
    """The first look at which the clock follows the configuration, or the last within `bound` seconds.

    change: the moment after which a packet has to come, by the monotonic clock
    """
    paused = 0.0
    while True:
        asked = time.monotonic() - change  # before the device tells an age, which grows until it does
        sight = Sight(read_status(session, dialect), read_sessions(session, dialect), asked)
        left = bound - max(paused, time.monotonic() - change)
        if synchronised_to_description(present, sight) or left <= 0:
            return sight
        pause = min(_SECONDS_BETWEEN_LOOKS, left)
        session.pause(pause)
        paused += pause
