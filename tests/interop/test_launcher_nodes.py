"""Three "nodes" in network namespaces meet by the c10d rendezvous; one is cut off in the middle. Needs root and iproute2."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import torch

sys.path.insert(0, os.path.join(os.environ["LEVIN_SOURCE_DIR"], "tests", "launcher"))
from elastic_worker import train  # noqa: E402

RUN = os.path.join(os.environ["LEVIN_BINARY_DIR"], "bin", "levin-run")
WORKER = os.path.join(os.environ["LEVIN_SOURCE_DIR"], "tests", "launcher", "elastic_worker.py")
LONG = os.environ.get("LEVIN_LONG")
NAME = f"lv{os.getpid() % 100000}"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Network:
    """Namespaces node0..2, each with the address 10.77.<node>.2 on its own line to a router in one more namespace."""

    def __init__(self, nodes):
        self.names = [f"{NAME}n{i}" for i in range(nodes)]
        self.router = f"{NAME}r"
        for name in (self.router, *self.names):
            ip("netns", "add", name)
        ip("netns", "exec", self.router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for i, name in enumerate(self.names):
            ip("link", "add", "eth", "netns", name, "type", "veth", "peer", "name", f"p{i}", "netns", self.router)
            ip("-n", self.router, "addr", "add", f"10.77.{i}.1/24", "dev", f"p{i}")
            ip("-n", self.router, "link", "set", f"p{i}", "up")
            ip("-n", name, "addr", "add", f"10.77.{i}.2/24", "dev", "eth")
            ip("-n", name, "link", "set", "eth", "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "route", "add", "default", "via", f"10.77.{i}.1")

    def cut(self, node):
        ip("-n", self.router, "link", "set", f"p{node}", "down")

    def mend(self, node):
        ip("-n", self.router, "link", "set", f"p{node}", "up")

    def close(self):
        for name in (self.router, *self.names):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip("netns", "del", name)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip"), "needs root and iproute2")
class Nodes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        try:
            self.network = Network(3)
        except subprocess.CalledProcessError as error:
            self.skipTest(f"network namespaces can't be made here: {error.stderr.decode()}")
        self.addCleanup(self.network.close)

    def start(self, node, steps, *flags):
        environment = dict(os.environ, PYTHON_EXEC=sys.executable, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="eth", TMPDIR=self.folder)
        log = open(os.path.join(self.folder, f"node{node}"), "w")
        run = subprocess.Popen(
            ["ip", "netns", "exec", self.network.names[node], RUN, "--rdzv-backend=c10d", "--rdzv-endpoint=10.77.0.2", "--rdzv-id=job",
             "--rdzv-conf=keep_alive_interval=1,keep_alive_max_attempt=3,last_call_timeout=20,join_timeout=30",
             *flags, WORKER, self.folder, str(steps), "0.05"],
            env=environment, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        return run

    def output(self, node):
        with open(os.path.join(self.folder, f"node{node}")) as file:
            return file.read()

    def rounds(self):
        """The size of the world in each start of rank 0."""
        with open(os.path.join(self.folder, "rounds")) as log:
            return [int(line.split()[2]) for line in log if line.split()[1] == "0"]

    def wait_for(self, name, timeout=90):
        end = time.monotonic() + timeout
        while not os.path.exists(os.path.join(self.folder, name)):
            self.assertLess(time.monotonic(), end, "".join(map(self.output, range(3))))
            time.sleep(0.02)

    def check_weights(self, steps):
        with tempfile.TemporaryDirectory() as alone:
            torch.testing.assert_close(torch.load(os.path.join(self.folder, "final.pt")), train(alone, steps, 0), rtol=0, atol=1e-9)

    def test_a_node_that_is_cut_off_is_left_behind_and_the_others_go_on(self):
        runs = [self.start(node, 200, "--nnodes=2:3") for node in range(3)]
        self.wait_for("last.pt")
        self.network.cut(2)
        begin = time.monotonic()
        codes = [run.wait(120) for run in runs[:2]]
        self.assertEqual(codes, [0, 0], "".join(map(self.output, range(3))))
        print(f"cut off; the others had finished after {time.monotonic() - begin:.1f} s", file=sys.stderr)
        self.assertEqual(self.rounds(), [3, 2])
        self.assertIn("has not been heard of", self.output(0))
        self.check_weights(200)
        self.network.mend(2)  # too late: nobody is there any more
        self.assertNotEqual(runs[2].wait(90), 0, self.output(2))

    @unittest.skipUnless(LONG, "LEVIN_LONG is not set")
    def test_a_node_that_comes_back_takes_part_again(self):
        runs = [self.start(node, 400, "--nnodes=2:3") for node in range(3)]
        self.wait_for("last.pt")
        self.network.cut(1)
        end = time.monotonic() + 60
        while self.rounds() != [3, 2] and time.monotonic() < end:
            time.sleep(0.05)
        self.network.mend(1)
        self.assertEqual([run.wait(180) for run in runs], [0, 0, 0], "".join(map(self.output, range(3))))
        self.assertEqual(self.rounds(), [3, 2, 3])
        self.check_weights(400)

    @unittest.skipUnless(LONG, "LEVIN_LONG is not set")
    def test_the_loss_of_a_launcher_ends_a_job_of_fixed_size(self):
        runs = [self.start(node, 2000, "--nnodes=3") for node in range(3)]
        self.wait_for("last.pt")
        pid = next(int(p) for p in os.listdir("/proc") if p.isdigit() and self.is_launcher(p, 1))
        os.kill(pid, 9)
        codes = [runs[node].wait(120) for node in (0, 2)]
        self.assertTrue(all(codes), "".join(map(self.output, range(3))))

    def is_launcher(self, pid, node):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                ours = file.read().startswith(RUN)
            return ours and os.path.samefile(f"/proc/{pid}/ns/net", f"/run/netns/{self.network.names[node]}")
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
