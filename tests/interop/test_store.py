"""Our store against c10d's own: the same calls of the same client give the same answers."""
import os
import random
import socket
import subprocess
import threading
import unittest
from datetime import timedelta

from torch.distributed import PrefixStore, QueueEmptyError, TCPStore

HOST = os.path.join(os.environ["LEVIN_BINARY_DIR"], "bin", "store_host")


class Ours:
    def __init__(self):
        self.process = subprocess.Popen([HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def client(self, seconds=10, **more):
        return TCPStore("127.0.0.1", self.port, is_master=False, timeout=timedelta(seconds=seconds), **more)

    def forget(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "forgotten\n"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def random_calls(seed, count):
    """Calls on a store that give something to compare and end at once."""
    chance = random.Random(seed)
    keys = ["a", "b", "queue", "long/" + "k" * 500]

    def blob():
        return bytes(chance.randrange(256) for _ in range(chance.choice([0, 1, 7, 300])))

    for _ in range(count):
        key, kind = chance.choice(keys), chance.randrange(12)
        number, text, other = chance.randrange(-5, 6), chance.choice(["", "x", "y"]), chance.choice(["x", "y", "z"])
        some, value = chance.sample(keys, 2), blob()
        yield {
            0: lambda s: s.set(key, value.hex()),
            1: lambda s: s.check([key, "n"]) and s.multi_get([key, "n"]),
            2: lambda s: s.add("n", number),
            3: lambda s: s.compare_set(key, text, other),
            4: lambda s: s.check(some),
            5: lambda s: s.delete_key(key),
            6: lambda s: s.append(key, other),
            7: lambda s: s.check(some) and s.multi_get(some),
            8: lambda s: s.multi_set(some, [other, text]),
            9: lambda s: s.queue_push("queue", text),
            10: lambda s: s.queue_len("queue") > 0 and s.queue_pop("queue", block=False),
            11: lambda s: (s.queue_len("queue"), s.queue_len("b")),
        }[kind]


class Store(unittest.TestCase):
    def setUp(self):
        self.ours = Ours()
        self.addCleanup(self.ours.close)

    def test_random_calls_get_the_answers_of_c10ds_own_store(self):
        for seed in range(5):
            theirs = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
            own = self.ours.client()
            for i, call in enumerate(random_calls(seed, 400)):
                self.assertEqual(call(own), call(theirs), f"seed {seed}, call {i}")
            self.ours.forget()

    def test_keys_are_listed_as_by_c10ds_own_store(self):
        theirs, own = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False), self.ours.client()
        for store in (theirs, own):
            for key in ("b", "a", "c/d"):
                store.set(key, "1")
        self.assertEqual(sorted(own.list_keys()), sorted(theirs.list_keys()))
        self.assertEqual(own.num_keys(), theirs.num_keys())

    def test_a_client_waits_for_keys_and_gives_up_in_time(self):
        waiting, setting = self.ours.client(), self.ours.client()
        got = []
        thread = threading.Thread(target=lambda: (waiting.wait(["x", "y"]), got.append(waiting.get("y"))))
        thread.start()
        setting.set("x", "1")
        setting.set("y", "2")
        thread.join()
        self.assertEqual(got, [b"2"])
        with self.assertRaises(Exception):
            waiting.wait(["never"], timedelta(milliseconds=100))
        setting.set("never", "3")
        self.assertEqual(waiting.get("never"), b"3")  # the connection is still of use

    def test_a_queue_gives_each_value_to_one_client(self):
        clients, pusher, got, lock = [self.ours.client() for _ in range(4)], self.ours.client(), [], threading.Lock()

        def take(client):
            taken = 0
            while taken < 25:
                try:
                    value = client.queue_pop("q")
                except QueueEmptyError:  # the client asks twice, for a value to be there and for it; another may come between
                    continue
                taken += 1
                with lock:
                    got.append(int(value))

        threads = [threading.Thread(target=take, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for i in range(100):
            pusher.queue_push("q", str(i))
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), list(range(100)))

    def test_large_values_many_clients_and_prefixes(self):
        clients = [self.ours.client() for _ in range(50)]
        value = os.urandom(4_000_000).hex()
        PrefixStore("p", clients[0]).set("k", value)
        self.assertEqual(PrefixStore("p", clients[49]).get("k"), value.encode())
        for client in clients:
            client.add("count", 1)
        self.assertEqual(clients[7].get("count"), b"50")

    def test_the_next_attempt_finds_an_empty_store(self):
        client = self.ours.client()
        client.set("x", "1")
        self.ours.forget()
        with self.assertRaises(Exception):
            client.set("y", "1")
            client.get("y")
        self.assertFalse(self.ours.client().check(["x"]))

    def test_clients_of_both_kinds(self):
        for libuv in (True, False):
            client = self.ours.client(use_libuv=libuv)
            client.set("x", "1")
            self.assertEqual(client.get("x"), b"1")

    def test_strangers_are_cut_off_and_disturb_nobody(self):
        client, idle = self.ours.client(), []
        for i in range(3000):
            stranger = socket.create_connection(("127.0.0.1", self.ours.port))
            if i % 3 == 0:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            elif i % 3 == 1:
                stranger.sendall(random.randbytes(100))
            idle.append(stranger)
            if len(idle) > 500:
                idle.pop(0).close()
            if i % 100 == 0:
                self.assertEqual(client.add("n", 1), i // 100 + 1)
        for stranger in idle:
            stranger.close()
        magic = (0x3C85F7CE).to_bytes(4, "little")
        for bad in (b"\xff", b"\x01" + (1 << 40).to_bytes(8, "little"), b"\x06" + (1 << 50).to_bytes(8, "little")):
            with socket.create_connection(("127.0.0.1", self.ours.port)) as stranger:
                stranger.sendall(b"\0" + magic + bad)
                self.assertEqual(stranger.recv(1), b"")
        self.assertEqual(client.get("n"), b"30")


if __name__ == "__main__":
    unittest.main()
