"""asyncio_scenarios.py - scenarios.c and idle.c once more, for asyncio."""

import os
import socket
import struct
import sys
import threading

from asyncio_context import CONNECTION, DISCONNECTION, MESSAGE, TX
from asyncio_echo import LARGEST, WINDOW, Peer, Service, exchange, is_message, make, meet, run_tests

MANY, LARGE, LARGE_AT_ONCE, ENOUGH_TICKS = 5000, 24, 8, 100


def size_of(number):
    return 1024 if number % 8 == 0 else 16


class Client(Peer):
    """Keeps messages in flight."""

    wanted = MANY

    def begin(self):
        self.server, self.begun, self.done = self.connect(), 0, 0
        self.refill()

    def refill(self):
        while self.begun < self.wanted and self.begun - self.done < WINDOW:
            self.write(self.server, ord("m"), make(self.begun, size_of(self.begun)))
            self.begun += 1

    def on_event(self, event):
        if event.type == TX:
            return
        is_message(event, self.done, size_of(self.done))
        self.done += 1
        if self.done == self.wanted:
            self.close(self.server)
            self.leave()
        else:
            self.refill()


def messages_in_flight_come_back_once_and_in_order():
    exchange(lambda: Service(1), Client)


class LargeClient(Client):
    sent = 0

    def refill(self):
        while self.begun < LARGE and self.begun - self.done < LARGE_AT_ONCE:
            self.write(self.server, ord("l"), make(self.begun, LARGEST))
            self.begun += 1

    def on_event(self, event):
        if event.type == TX:
            self.sent += 1
            return
        is_message(event, self.done, LARGEST)
        self.done += 1
        self.refill()
        if self.done == LARGE:
            assert self.sent == LARGE
            self.close(self.server)
            self.leave()


def large_messages_wait_for_room():
    exchange(lambda: Service(1), LargeClient)


STAYS, SHUTS_DOWN, WRITES_AND_GOES, SAYS_NOTHING, BREAKS_OFF, BREAKS_THE_PROTOCOL, MANNERS = range(7)
PEERS, PEERS_AT_ONCE, MESSAGES_OF_PEER, SIZE_OF_PEER = 240, 24, 3, 40000


class PassersBy(Peer):
    def begin(self):
        self.came, self.peers = 0, {}
        self.next_wave()

    def come(self, manners):
        if manners >= SAYS_NOTHING:
            with socket.socket(socket.AF_UNIX) as raw:
                raw.connect(os.environ["IPC_RUNDIR"] + "/echo")
                if manners != SAYS_NOTHING:
                    raw.sendall(struct.pack(">BIB", 2, 100 if manners == BREAKS_OFF else 0xFFFFFFFF, 0))
            return
        fd = self.connect()
        for i in range(MESSAGES_OF_PEER):
            self.write(fd, ord("p"), make(i, SIZE_OF_PEER))
        if manners == WRITES_AND_GOES:
            self.close(fd)
        else:
            self.peers[fd] = [manners, 0]

    def next_wave(self):
        while not self.peers and self.came < PEERS:
            for _ in range(PEERS_AT_ONCE):
                self.come(self.came % MANNERS)
                self.came += 1
        if not self.peers:
            self.leave()

    def on_event(self, event):
        if event.type == TX:
            return
        fd, peer = event.origin, self.peers[event.origin]
        if event.type == DISCONNECTION:
            assert peer == [SHUTS_DOWN, MESSAGES_OF_PEER]
        else:
            is_message(event, peer[1], SIZE_OF_PEER)
            peer[1] += 1
            if peer[1] < MESSAGES_OF_PEER:
                return
            if peer[0] == SHUTS_DOWN:
                with socket.socket(fileno=os.dup(fd)) as copy:
                    copy.shutdown(socket.SHUT_WR)
                return
            self.close(fd)
        del self.peers[fd]
        if not self.peers:
            self.next_wave()


class PatientService(Service):
    def begin(self):
        self.all_stay = False


def peers_come_and_go():
    exchange(lambda: PatientService(PEERS), PassersBy)


class TickingService(Service):
    """Says in each answer how often its loop has ticked since the client came."""

    def on_event(self, event):
        if event.type == CONNECTION:
            self.ticks = 0
        if event.type == MESSAGE:
            event.m.contents.user_type = min(self.ticks, ENOUGH_TICKS)
        super().on_event(event)


class TickingClient(Client):
    """Goes on until both timers have ticked often enough."""

    wanted = 1 << 31

    def on_event(self, event):
        if event.type == MESSAGE and min(self.ticks, event.m.contents.user_type) >= ENOUGH_TICKS:
            self.wanted = self.begun
        super().on_event(event)


def a_timer_ticks_under_full_traffic():
    exchange(lambda: TickingService(1), TickingClient, 0.001)


ROUNDS, FLOOD, ECHOES = 300, 1000, 2000


class ServiceWithThread(Service):
    def begin(self):
        self.turn = threading.Semaphore(0)
        self.writer = threading.Thread(target=self.write_beside)
        self.writer.start()

    def write_beside(self):
        for i in range(ROUNDS + FLOOD):
            if i < ROUNDS:
                self.turn.acquire()
            self.write(self.client, ord("t"), make(i, 16))

    def on_event(self, event):
        is_answer = event.type == MESSAGE and event.m.contents.user_type == ord("a")
        if event.type == CONNECTION:
            self.client = event.origin
        if event.type == DISCONNECTION:
            self.writer.join()
            self.answered += ROUNDS + FLOOD
        if event.type == CONNECTION or is_answer:
            self.turn.release()
        if not is_answer:
            super().on_event(event)


class ClientWithThread(Client):
    wanted = 0

    def begin(self):
        super().begin()
        self.counts = {"t": 0, "c": 0}

    def write_beside(self):
        for i in range(FLOOD):
            self.write(self.server, ord("c"), make(i, 16))

    def on_event(self, event):
        kind = chr(event.m.contents.user_type) if event.type == MESSAGE else ""
        if kind in self.counts:
            is_message(event, self.counts[kind], 16)
            self.counts[kind] += 1
        elif kind:
            is_message(event, self.done, size_of(self.done))
            self.done += 1
            self.refill()
        if kind == "t" and self.counts["t"] < ROUNDS:
            self.write(self.server, ord("a"), make(self.counts["t"], 16))
        if kind == "t" and self.counts["t"] == ROUNDS:
            self.wanted = ECHOES
            threading.Thread(target=self.write_beside).start()
            self.refill()
        if kind and self.counts == {"t": ROUNDS + FLOOD, "c": FLOOD} and self.done == ECHOES:
            self.close(self.server)
            self.leave()


def a_second_thread_writes():
    exchange(lambda: ServiceWithThread(1), ClientWithThread)


TICK, QUIET, SETTLING, END, SETTLING_WAKEUPS = 0.01, 5, 25, 50, 4


class Idling:
    """Counts wake-ups in ticks without an event (idle.c)."""

    quiet = last = 0

    def begin(self):
        self.on_tick = self.count_wakeups
        super().begin()

    def count_wakeups(self):
        self.quiet = self.quiet + 1 if self.last == self.happened > 0 else 0
        self.last = self.happened
        if self.quiet == QUIET:
            self.then = self.wakeups
        if self.quiet == SETTLING:
            assert self.wakeups - self.then <= SETTLING_WAKEUPS, f"{self.wakeups - self.then} wake-ups for nothing"
            self.then = self.wakeups
        if self.quiet == END:
            assert self.wakeups == self.then, f"{self.wakeups - self.then} wake-ups for nothing"
            meet(self.gate)
            self.on_idle()


class IdleService(Idling, Service):
    def on_idle(self):
        pass


class IdleClient(Idling, Client):
    wanted = 10

    def leave(self):
        pass

    def close(self, fd):
        pass

    def on_idle(self):
        super().close(self.server)
        super().leave()


def an_idle_loop_sleeps():
    exchange(lambda: IdleService(1), IdleClient, TICK)


sys.exit(
    run_tests(
        [
            messages_in_flight_come_back_once_and_in_order,
            large_messages_wait_for_room,
            peers_come_and_go,
            a_timer_ticks_under_full_traffic,
            a_second_thread_writes,
            an_idle_loop_sleeps,
        ]
    )
)
