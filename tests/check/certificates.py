"""Certificates, as a developer makes them: signed by themselves, or by an authority of one's own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.required import missing

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key."""

    file: Path
    key: Path


def self_signed(folder: Path, name: str = "localhost") -> Certificate:
    """Make a certificate that nobody has signed but itself."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl("req", "-x509", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", made.key, "-out", made.file)
    return made


def signed_by_an_own_authority(folder: Path) -> Certificate:
    """Make an authority, and a certificate that it has signed."""
    authority, made = self_signed(folder, "authority"), Certificate(folder / "own.pem", folder / "own.key")
    request = folder / "own.csr"
    _openssl("req", *NEW_KEY, "-subj", "/CN=own", "-keyout", made.key, "-out", request)
    signs = ("-CA", authority.file, "-CAkey", authority.key, "-CAcreateserial")
    _openssl("x509", "-req", "-in", request, *signs, "-out", made.file)
    return made


def _openssl(*words: str | Path) -> None:
    openssl = shutil.which("openssl") or missing("openssl", "install openssl")
    subprocess.run([openssl, *words], check=True, capture_output=True, timeout=300)
