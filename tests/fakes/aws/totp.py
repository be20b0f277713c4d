"""What AWS keeps of a device: its seed, the drift of its clock, and the codes that were used.

RFC 6238 written anew on purpose: what checks the product's codes must not share a line with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

STEP = 30


def hotp(seed: bytes, counter: int) -> str:
    """Return the six digits of RFC 4226 for a counter."""
    digest = hmac.new(seed, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    at = digest[-1] & 0x0F
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


class Device:
    """One device; a FIDO key has no seed and takes no codes."""

    def __init__(self, serial: str, seed: bytes | None) -> None:
        self.serial = serial
        self.seed = seed
        self.drift = 0  # steps by which the device's clock is taken to be ahead of true time
        self.used: set[int] = set()  # steps of the device's own clock

    @property
    def base32(self) -> str:
        return base64.b32encode(self.seed or b"").decode()

    def accept(self, code: str, now: float, window: int) -> bool:
        """Take a code of a sign-in, once, when it is of a step within ``window`` of where the device should be."""
        expected = int(now // STEP) + self.drift
        for off in _outwards(window):
            step = expected + off
            if step not in self.used and self._matches(step, code):
                self.used.add(step)
                return True
        return False

    def learn(self, first: str, second: str, now: float, reach: int) -> bool:
        """Take two consecutive codes, and believe that the device showed the second one just now.

        That is all that two codes can tell: codes that were made a while ago and sent late look like those of a clock
        that is slow, are taken, and put a device out of step that was right.
        """
        at = int(now // STEP)
        for off in _outwards(reach):
            steps = (at + off - 1, at + off)
            if min(steps) < 0 or self.used.intersection(steps):
                continue
            if self._matches(steps[0], first) and self._matches(steps[1], second):
                self.used.update(steps)
                self.drift = off
                return True
        return False

    def _matches(self, step: int, code: str) -> bool:
        return self.seed is not None and step >= 0 and hmac.compare_digest(hotp(self.seed, step), code)


def seed_of(base32: str) -> bytes:
    """Read a seed as it stands in an otpauth link."""
    return base64.b32decode(base32 + "=" * (-len(base32) % 8))


def _outwards(most: int) -> list[int]:
    return [0, *(off for size in range(1, most + 1) for off in (-size, size))]
