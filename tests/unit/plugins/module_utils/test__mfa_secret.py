"""Files for secrets are made for one reader, and only where nobody else could put his own."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.softtoken.compliance.plugins.module_utils._mfa_secret import (
    SecretError,
    SecretFiles,
    check_key,
    encrypt,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that is not below /tmp."""
    place = Path.home() / f".softtoken-secret-{os.getpid()}"
    place.mkdir(mode=0o700)
    yield place
    shutil.rmtree(place)


def test_a_file_is_private_from_its_first_moment_whatever_the_umask(folder: Path) -> None:
    path = folder / "seed"
    before = os.umask(0)
    try:
        SecretFiles().reserve(str(path))
    finally:
        os.umask(before)
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o600, b"")
    SecretFiles().write(str(path), b"JBSWY3DPEHPK3PXP\n")
    assert SecretFiles().read(str(path)) == "JBSWY3DPEHPK3PXP"
    SecretFiles().remove(str(path))
    SecretFiles().remove(str(path))
    assert not path.exists()


def test_an_empty_file_that_was_left_is_taken_and_any_other_is_not(folder: Path) -> None:
    path = folder / "seed"
    SecretFiles().reserve(str(path))
    SecretFiles().reserve(str(path))
    path.write_bytes(b"x")
    for refuse in (SecretFiles().check, SecretFiles().reserve):
        with pytest.raises(SecretError, match="exists already"):
            refuse(str(path))
    path.write_bytes(b"")
    path.chmod(0o644)
    with pytest.raises(SecretError, match="only its owner can read"):
        SecretFiles().reserve(str(path))


def test_links_are_neither_written_nor_read_nor_removed(folder: Path) -> None:
    aim, link, twin = folder / "aim", folder / "link", folder / "twin"
    aim.write_bytes(b"precious")
    aim.chmod(0o600)
    link.symlink_to(aim)
    with pytest.raises(SecretError):
        SecretFiles().write(str(link), b"seed")
    with pytest.raises(SecretError):
        SecretFiles().remove(str(link))
    assert SecretFiles().read(str(link)) is None
    twin.hardlink_to(aim)
    with pytest.raises(SecretError):
        SecretFiles().write(str(twin), b"seed")
    assert aim.read_bytes() == b"precious"


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_no_directory_on_the_way_is_open_to_everybody(folder: Path, mode: int) -> None:
    inner = folder / "open" / "own"
    inner.mkdir(parents=True)
    (folder / "open").chmod(mode)
    with pytest.raises(SecretError, match=f"everybody may write to {folder / 'open'}"):
        SecretFiles().check(str(inner / "seed"))
    detour = folder / "detour"
    detour.symlink_to(inner)
    with pytest.raises(SecretError, match="everybody may write"):
        SecretFiles().check(str(detour / "seed"))


def test_another_owner_gets_the_file(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving files away needs root")
    SecretFiles("nobody").reserve(str(folder / "seed"))
    SecretFiles("nobody").write(str(folder / "seed"), b"x")
    assert (folder / "seed").owner() == "nobody"
    with pytest.raises(SecretError, match="no user nobody-here"):
        SecretFiles("nobody-here")
    foreign = folder / "foreign"
    foreign.mkdir()
    shutil.chown(foreign, "nobody")
    with pytest.raises(SecretError, match="belongs to somebody else"):
        SecretFiles().check(str(foreign / "seed"))


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    "key",
    ["", "x", pem(ec.generate_private_key(ec.SECP256R1())), pem(rsa.generate_private_key(65537, 1024))],  # noqa: S505
)
def test_only_a_strong_rsa_key_is_taken(key: str) -> None:
    with pytest.raises(SecretError, match="openssl genrsa"):
        check_key(key)


def test_what_is_encrypted_is_another_text_each_time() -> None:
    public = pem(rsa.generate_private_key(65537, 2048))
    assert encrypt(public, "A" * 64) != encrypt(public, "A" * 64)
