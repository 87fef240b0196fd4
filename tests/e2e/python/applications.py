"""The configurations of docs/applications.md, as they stand there: what is tried is what is read."""

import re

from harness import REPOSITORY

PAGE = REPOSITORY / "docs/applications.md"


def section_of(application):
    """What that page says of an application."""
    return re.search(rf"^## {re.escape(application)}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)[1]


def block_of(application, language):
    """The first block of a language there."""
    return re.search(rf"```{language}\n(.*?)```", section_of(application), re.DOTALL)[1]


def configs():
    """The configuration of each application on that page, by its title."""
    titles = re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE)
    return {title: block_of(title, "toml") for title in titles}


def config_of(application, certificate, addresses):
    """The configuration of an application, with real ports in the place of the addresses that it has."""
    text = block_of(application, "toml")
    real = {'"0.0.0.0:443"': '"127.0.0.1:0"', "site.pem": certificate.chain, "site.key": certificate.key}
    real |= {f'"{address}"': f'"127.0.0.1:{port}"' for address, port in addresses.items()}
    for written, meant in real.items():
        assert written in text, f"no {written} in the configuration of {application}"
        text = text.replace(written, str(meant))
    return text
