"""Who is signed in: kept in this process's memory alone, so that a restart, or a sign-out, ends it for good.

A browser holds 32 random bytes; here lies their hash. A session ends when its user has not clicked for a while, after
some hours in any case, and as soon as the user is removed or gets another role or password.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from plugin.web.users import User

MOST_SESSIONS = 1000
MOST_WATCHED = 10_000
WINDOW_SECONDS = 60.0


@dataclass
class Session:
    """``csrf``: what every form of this session carries. ``begun``, ``used``: by the clock.

    ``note``: what the next page is to say of what was done.
    """

    user: User
    csrf: str
    begun: float
    used: float
    note: str = ""


class Sessions:
    """Any thread may ask. ``idle``, ``whole``: seconds."""

    def __init__(self, idle: float, whole: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle, self._whole, self._clock = idle, whole, clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, user: User) -> tuple[str, Session]:
        """What the browser is to hold, and the session."""
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(user, secrets.token_urlsafe(32), now, now)
        with self._lock:
            self._sessions = {key: each for key, each in self._sessions.items() if self._lives(each)}
            if len(self._sessions) >= MOST_SESSIONS:
                del self._sessions[min(self._sessions, key=lambda key: self._sessions[key].used)]
            self._sessions[_hashed(token)] = session
        return token, session

    def find(self, token: str, *, used: bool = True) -> Session | None:
        """The session that ``token`` is of, if it still lives. ``used``: by a person, and not by a page itself."""
        with self._lock:
            session = self._sessions.get(_hashed(token))
            if session is None:
                return None
            if not self._lives(session):
                del self._sessions[_hashed(token)]
                return None
            if used:
                session.used = self._clock()
            return session

    def end(self, token: str) -> None:
        with self._lock:
            self._sessions.pop(_hashed(token), None)

    def _lives(self, session: Session) -> bool:
        now = self._clock()
        return now - session.used < self._idle and now - session.begun < self._whole


class Failures:
    """Wrong passwords of the last minute, by address and by name. Any thread may ask."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._failed: dict[str, deque[float]] = {}

    def must_wait(self, *subjects: str) -> float:
        """Seconds until one of these may try again; 0 where it may now."""
        with self._lock:
            now = self._clock()
            waits = [0.0]
            for subject in subjects:
                moments = self._failed.get(subject, deque())
                while moments and now - moments[0] >= WINDOW_SECONDS:
                    moments.popleft()
                if len(moments) >= self._most:
                    waits.append(WINDOW_SECONDS - (now - moments[0]))
            return max(waits)

    def add(self, *subjects: str) -> None:
        with self._lock:
            if len(self._failed) > MOST_WATCHED:
                now = self._clock()
                self._failed = {
                    subject: moments
                    for subject, moments in self._failed.items()
                    if moments and now - moments[-1] < WINDOW_SECONDS
                }
            for subject in subjects:
                self._failed.setdefault(subject, deque(maxlen=self._most)).append(self._clock())


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
