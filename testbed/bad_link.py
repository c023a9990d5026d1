"""A network link between two processes, with delay, loss, outages and resets of single packets.

    bad_link.py --probe             exits 0 if this machine can do it, 77 with the reason if it does not allow it
    bad_link.py PID ADDRESS PID ADDRESS

Each process has a network namespace of its own (`unshare --net`). In each of them a TUN device is made, and the IP packets
that one kernel sends are handed to the other: real TCP on both sides, with its own retransmissions, and no part of a kernel
that a small one may lack (netem). It ends when standard input does, and the devices with it. What is done to packets is
commanded there, a JSON object a line, each answered with a line "ok":

    {"delay_ms": 50, "loss": 0.05, "is_up": true}     from now on
    {"reset_after": 20}                               the packet with data after so many others is dropped, and both ends get
                                                      a reset
"""

import ctypes
import errno
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI, IFF_UP = 0x0001, 0x1000, 0x1
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS = 0x8916, 0x891C, 0x8914
DEVICE = b"link0"
FORBIDDEN = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EINVAL}
IMPOSSIBLE = 77
RST = 0x04

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def open_device(address):
    """A TUN device in the namespace that this process is in."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, "255.255.255.0")):
            name = struct.pack("16sHH4s8x", DEVICE, socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, request, name)
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", DEVICE, IFF_UP))
    return device


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def reset(source, target, ports, sequence):
    """An IPv4 packet with a TCP reset (RFC 9293 section 3.10.7.4: its sequence number is the next that is expected)."""
    tcp = struct.pack("!4sIIBBHHH", ports, sequence, 0, 5 << 4, RST, 0, 0, 0)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def resets_for(packet):
    """The resets for the sender and the receiver of this packet, or nothing if there is no data of TCP in it."""
    header = (packet[0] & 15) * 4
    if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
        return None
    tcp = packet[header:]
    if len(packet) <= header + (tcp[12] >> 4) * 4:
        return None
    source, target = packet[12:16], packet[16:20]
    ports, (sequence, acknowledged) = tcp[:4], struct.unpack("!II", tcp[4:12])
    to_sender = reset(target, source, ports[2:] + ports[:2], acknowledged)
    return to_sender, reset(source, target, ports, sequence)


class Link:
    def __init__(self, devices):
        self.other = {devices[0]: devices[1], devices[1]: devices[0]}
        self.settings = {"delay_ms": 0, "loss": 0, "is_up": True, "reset_after": None}
        self.waiting = []
        self.count = 0
        self.random = random.Random(5)

    def send(self, device, packet):
        try:
            os.write(device, packet)
        except OSError:
            pass  # no room, or nobody there any more: one more packet that is lost

    def take(self, device):
        packet = os.read(device, 65536)
        if not self.settings["is_up"] or self.random.random() < self.settings["loss"]:
            return
        if self.settings["reset_after"] is not None:
            packets = resets_for(packet)
            if packets is not None:
                self.settings["reset_after"] -= 1
            if packets is not None and self.settings["reset_after"] < 0:
                self.settings["reset_after"] = None
                self.send(device, packets[0])
                self.send(self.other[device], packets[1])
                return
        self.count += 1
        due = time.monotonic() + self.settings["delay_ms"] / 1000
        heapq.heappush(self.waiting, (due, self.count, self.other[device], packet))

    def run(self):
        commands = b""
        while True:
            timeout = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([0, *self.other], [], [], timeout)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, device, packet = heapq.heappop(self.waiting)
                if self.settings["is_up"]:
                    self.send(device, packet)
            for source in ready:
                if source != 0:
                    self.take(source)
                    continue
                read = os.read(0, 65536)
                if not read:
                    return
                *lines, commands = (commands + read).split(b"\n")
                for line in lines:
                    self.settings.update(json.loads(line))
                    print("ok", flush=True)


def main(arguments):
    if arguments == ["--probe"]:
        try:
            call("unshare", CLONE_NEWNET)
            os.close(open_device("10.9.0.1"))
        except OSError as error:
            if error.errno not in FORBIDDEN:
                raise
            print(f"no network namespaces with TUN devices here: {error}")
            return IMPOSSIBLE
        return 0
    devices = []
    for pid, address in (arguments[0:2], arguments[2:4]):
        with open(f"/proc/{pid}/ns/net") as namespace:
            call("setns", namespace.fileno(), CLONE_NEWNET)
        devices.append(open_device(address))
    print("ok", flush=True)
    Link(devices).run()
    return 0


sys.exit(main(sys.argv[1:]))
