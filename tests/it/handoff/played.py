#!/usr/bin/env python3
"""A successor that takes over, and fails where open tunnels move: how is the word in POINT. What it hears of tunnels goes to the log."""

import array
import json
import os
import socket
import sys
import time

POINT, FORMAT = "@POINT@", int("@FORMAT@")
channel = socket.socket(fileno=int(os.environ["WINDLASS_HANDOFF_FD"]))
channel.setblocking(True)
kept = []


def hear():
    kept.clear()
    said, ancillary, _, _ = channel.recvmsg(65536, socket.CMSG_SPACE(253 * 4))
    for _, _, data in ancillary:
        descriptors = array.array("i")
        descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        kept.extend(descriptors)
    if not said:
        os._exit(0)
    message = json.loads(said)
    if message["kind"].startswith("tunnels"):
        print("played", POINT, "hears", message["kind"], file=sys.stderr, flush=True)
    return message


def until(kind):
    while True:
        message = hear()
        if message["kind"] == kind:
            return message


def say(**message):
    channel.send(json.dumps(message).encode())


def taken(message, refused):
    say(kind="tunnels_taken", batch=message["batch"], refused=refused)


def hang():
    time.sleep(600)


until("complete")
formats = {"older": {}, "other_format": {"tunnels": FORMAT + 1}}
say(kind="ready", **formats.get(POINT, {"tunnels": FORMAT}))
until("take_over")
say(kind="serving")
if POINT == "dies_at_once":
    os._exit(5)
if POINT == "hangs_at_once":
    hang()
while POINT not in ("older", "other_format"):
    message = until("tunnels")
    everything = {"full": list(range(126))}
    if POINT == "keeps_a_copy":
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "parcel"), "wb") as copy:
            copy.write(os.pread(kept[0], 1 << 30, 0))
        taken(message, everything)
    if POINT == "dies":
        os._exit(5)
    if POINT == "hangs":
        hang()
    if POINT == "nonsense":
        channel.send(b"\xff")
        hang()
    if POINT == "takes_and_hears_no_more":
        channel.shutdown(socket.SHUT_RD)
        taken(message, {})
        os._exit(5)
    if POINT == "late":
        time.sleep(2.5)
        taken(message, {})
    if POINT == "takes_another":
        taken({"batch": message["batch"] + 1}, {})
    if POINT in ("refuses", "refuses_and_dies"):
        taken(message, everything)
    if POINT == "refuses_and_dies":
        until("tunnels")
        os._exit(5)
    if POINT == "refuses_in_words_of_its_own":
        taken(message, {"mood": list(range(126)), "full": [10**9]})
while True:
    hear()
