"""The picture that CreateVirtualMFADevice returns."""

from __future__ import annotations

import io

import segno


def qr_png(account: str, base32: str) -> bytes:
    """Return the QR code of a seed, as an authenticator scans it."""
    picture = io.BytesIO()
    segno.make(f"otpauth://totp/Amazon%20Web%20Services:{account}?secret={base32}&issuer=Amazon%20Web%20Services").save(
        picture, kind="png", scale=4
    )
    return picture.getvalue()
