"""tests/import/nginx: what `windlass import nginx` is tried with are configurations that nginx itself takes."""

import re
import shutil
import subprocess

import pytest

from harness import REPOSITORY

FOLDER = REPOSITORY / "tests/import/nginx"
# Names that nginx would look up, which nobody has, and paths that are not this machine's.
NAMES = re.compile(r"\b[a-z0-9-]+\.internal\b|\bapi\.example\.net\b")
PATHS = re.compile(r"(?<![\w.])/(etc|run|var|srv|usr)/")


def make_files(folder, text):
    """Every certificate, key and list that is named, and an empty file for each include that was kept away from the import."""
    made = folder / "made.pem"
    key = folder / "made.key"
    if not made.exists():
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=example.com", "-days", "2"]
        subprocess.run([*command, "-keyout", key, "-out", made], check=True, capture_output=True)
    for name in re.findall(r"\b(?:ssl_\w+|proxy_ssl_\w+|auth_basic_user_file)\s+([\w/.-]+\.(?:pem|key|htpasswd))\s*;", text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if "dhparam" in name:
            # A group that is fixed, RFC 7919: making one takes long.
            subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", path], check=True)
        else:
            shutil.copy(key if name.endswith(".key") or "privkey" in name else made, path)
    for name in re.findall(r"\binclude\s+([\w/.-]+)\s*;", text):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.conf")))
def test_nginx_takes_it(name, tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    for path in [*tmp_path.rglob("*.conf"), tmp_path / "mime.types"]:
        text = NAMES.sub("127.0.0.1", path.read_text())
        path.write_text(PATHS.sub(lambda match: f"{tmp_path}/{match[1]}/", text))
        make_files(tmp_path, path.read_text())
    (tmp_path / "var/log/nginx").mkdir(parents=True)
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "modules").symlink_to("/usr/lib/nginx/modules")
    path = tmp_path / name
    text = path.read_text()
    if not re.search(r"^http \{", text, re.MULTILINE):
        text = f"pid {tmp_path}/nginx.pid;\nevents {{}}\nhttp {{\n{text}\n}}\n"
    path.write_text(text)
    tried = subprocess.run(["nginx", "-t", "-q", "-e", "stderr", "-p", tmp_path, "-c", path], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
