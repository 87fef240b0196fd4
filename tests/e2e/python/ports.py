"""Ports that nobody listens on, of those that the system gives to nobody by itself: they stay free until they are listened on."""

import contextlib
import random
import socket


def free_port():
    return free_ports(1)[0]


def free_ports(count):
    """Ports that are free for TCP and UDP."""
    ports = set()
    while len(ports) < count:
        port = random.randrange(16_384, 32_768)
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp, contextlib.suppress(OSError):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            ports.add(port)
    return list(ports)
