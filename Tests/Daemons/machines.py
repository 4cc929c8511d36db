"""Two "machines" for the tests: network namespaces with a network device (TUN) each, and a link between the devices that delays what
passes, and can go down. The link is a thread here: so it needs no module of the kernel for delays (tc-netem)."""

import collections
import contextlib
import fcntl
import os
import select
import shutil
import struct
import subprocess
import threading
import time

from harness import Skipped, need_command

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
ADDRESSES = ("198.51.100.1", "198.51.100.2")  # RFC 5737: for documentation, and so nobody's


def need_namespaces():
    need_command("ip")
    need_command("unshare")
    need_command("nsenter")
    made = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    if made.returncode != 0:
        raise Skipped(f"no network namespace can be made here: {made.stderr.strip()}")
    if not os.path.exists("/dev/net/tun"):
        raise Skipped("there is no /dev/net/tun")


class Machine:
    """A network namespace of its own, which goes with the process that holds it."""

    def __init__(self, world, address):
        self.address = address
        self.holder = world.start(["unshare", "--net", "sh", "-c", "echo ready; exec sleep 1000000"], world.directory)
        self.tun = self.open_device()
        for command in ("link set lo up", f"address add {address}/24 dev tun0", "link set tun0 mtu 32000 up"):
            subprocess.run([*self.inside, "ip", *command.split()], check=True)

    @property
    def inside(self):
        return [shutil.which("nsenter"), f"--net=/proc/{self.holder.pid}/ns/net"]

    def open_device(self):
        """By a thread of its own: only that enters the namespace."""
        opened = []

        def enter():
            with open(f"/proc/{self.holder.pid}/ns/net") as namespace:
                set_namespace(namespace.fileno())
            tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
            opened.append(tun)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if not opened:
            raise Skipped("no TUN device can be made here")
        return opened[0]


def set_namespace(descriptor):
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Link:
    """Carries packets between two machines; `delay` seconds each way."""

    def __init__(self, world, delay):
        need_namespaces()
        self.machines = [Machine(world, address) for address in ADDRESSES]
        self.delay, self.is_up, self.carried, self.isOver = delay, True, 0, False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()
        for machine in self.machines:
            os.close(machine.tun)

    def carry(self):
        """All packets are delayed alike, so each queue is in the order of time."""
        tuns = [machine.tun for machine in self.machines]
        queues = {tuns[0]: collections.deque(), tuns[1]: collections.deque()}
        opposite = {tuns[0]: tuns[1], tuns[1]: tuns[0]}
        while not self.ended.is_set():
            now = time.monotonic()
            due = min([queue[0][0] for queue in queues.values() if queue], default=now + 0.1)
            for tun in select.select(tuns, [], [], max(due - now, 0))[0]:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        packet = os.read(tun, 65536)
                        if self.is_up:
                            queues[opposite[tun]].append((time.monotonic() + self.delay, packet))
            for tun, queue in queues.items():
                while queue and queue[0][0] <= time.monotonic():
                    packet = queue.popleft()[1]
                    if self.is_up:
                        with contextlib.suppress(OSError):
                            os.write(tun, packet)
                            self.carried += 1
