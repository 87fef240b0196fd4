"""Somebody who issues certificates, by openssl."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
VALID = ("20240101000000Z", "20900101000000Z")
EXPIRED = ("20200101000000Z", "20210101000000Z")


@dataclass
class Issued:
    """A certificate and its key, in PEM."""

    chain: Path
    key: Path

    def server(self, *, clients=None) -> ssl.SSLContext:
        """The context of an endpoint that shows it, and wants certificates of `clients`, if of anybody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        if clients:
            context.load_verify_locations(clients.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def fingerprint(self) -> str:
        command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.chain]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]


class Issuer:
    """An authority in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder, self.certificate, self.key = folder, folder / "ca.pem", folder / "ca.key"
        self._issued = 0
        (folder / "index.txt").touch()
        openssl("req", "-x509", *CURVE, "-subj", f"/CN={folder.name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, names="DNS:localhost,IP:127.0.0.1", valid=VALID) -> Issued:
        self._issued += 1
        stem = self.folder / f"issued-{self._issued}"
        issued, request, settings = Issued(stem.with_suffix(".pem"), stem.with_suffix(".key")), stem.with_suffix(".csr"), stem.with_suffix(".cnf")
        settings.write_text(
            f"[ca]\ndefault_ca = one\n[one]\ndatabase = {self.folder}/index.txt\nunique_subject = no\nrand_serial = yes\n"
            f"new_certs_dir = {self.folder}\ncertificate = {self.certificate}\nprivate_key = {self.key}\ndefault_md = sha256\n"
            f"policy = any\nx509_extensions = leaf\n[any]\ncommonName = supplied\n[leaf]\nsubjectAltName = {names}\n"
        )
        openssl("req", "-new", *CURVE, "-subj", "/CN=endpoint", "-keyout", issued.key, "-out", request)
        begin, end = valid
        openssl("ca", "-batch", "-notext", "-config", settings, "-in", request, "-out", issued.chain, "-startdate", begin, "-enddate", end)
        return issued


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
