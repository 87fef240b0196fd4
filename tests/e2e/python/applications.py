"""The configurations of docs/applications.md, as they stand there: what is tried is what is read."""

import re

from harness import REPOSITORY

PAGE = REPOSITORY / "docs/applications.md"


def configs():
    """What each application has on that page, by its title; one without a configuration has None."""
    _, *sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    found = {}
    for section in sections:
        blocks = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
        found[section.partition("\n")[0]] = blocks[0] if blocks else None
    return found


def config_of(application, certificate, addresses):
    """The configuration of an application, with real ports in the place of the addresses that it has."""
    text = configs()[application]
    real = {'"0.0.0.0:443"': '"127.0.0.1:0"', "site.pem": certificate.chain, "site.key": certificate.key}
    real |= {f'"{address}"': f'"127.0.0.1:{port}"' for address, port in addresses.items()}
    for written, meant in real.items():
        assert written in text, f"no {written} in the configuration of {application}"
        text = text.replace(written, str(meant))
    return text
