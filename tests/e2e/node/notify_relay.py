"""Binds a notify socket at argv[1] and prints each datagram as one line of JSON: Node has no Unix datagram sockets."""

import json
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
    notify.bind(sys.argv[1])
    print(json.dumps("bound"), flush=True)
    while True:
        print(json.dumps(notify.recv(4096).decode()), flush=True)
