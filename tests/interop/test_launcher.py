"""levin-run with Python's ranks: torch.distributed over Gloo finds its store there, as under torchrun."""
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import torch

sys.path.insert(0, os.path.join(os.environ["LEVIN_SOURCE_DIR"], "tests", "launcher"))
from elastic_worker import train  # noqa: E402

RUN = os.path.join(os.environ["LEVIN_BINARY_DIR"], "bin", "levin-run")
WORKER = os.path.join(os.environ["LEVIN_SOURCE_DIR"], "tests", "launcher", "elastic_worker.py")
SCRATCH = tempfile.TemporaryDirectory()
ENVIRONMENT = dict(os.environ, PYTHON_EXEC=sys.executable, OMP_NUM_THREADS="1", TMPDIR=SCRATCH.name)
CONNECTIONS = int(os.environ.get("LEVIN_CONNECTIONS", "2000"))


def start(*arguments):
    return subprocess.Popen([RUN, *map(str, arguments)], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def listeners(pids):
    """Local addresses on which one of the processes listens."""
    lines = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[3] for line in lines if any(f"pid={pid}," in line for pid in pids)]


class Launcher(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def check_weights(self, steps):
        with tempfile.TemporaryDirectory() as alone:
            torch.testing.assert_close(torch.load(self.path("final.pt")), train(alone, steps, 0), rtol=0, atol=1e-9)

    def rounds(self):
        with open(self.path("rounds")) as log:
            return [tuple(map(int, line.split())) for line in log]

    def test_two_ranks_give_the_weights_of_one_process(self):
        run = start("--standalone", "--nproc-per-node", 2, WORKER, self.folder.name, 20, 0)
        self.assertEqual((run.communicate()[0], run.returncode), ("", 0))
        self.check_weights(20)

    def test_a_static_rendezvous_uses_the_port_that_was_given(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        run = start("--master-port", port, "--nproc_per_node=2", WORKER, self.folder.name, 10, 0)
        self.assertEqual((run.communicate()[0], run.returncode), ("", 0))
        self.check_weights(10)

    def test_after_a_kill_all_ranks_start_again_and_the_weights_are_right(self):
        run = start("--standalone", "--nproc-per-node", 2, "--max-restarts", 2, WORKER, self.folder.name, 60, 0.02)
        while not os.path.exists(self.path("last.pt")):
            time.sleep(0.01)
        os.kill(next(pid for _, rank, _, pid in self.rounds() if rank == 1), 9)
        output = run.communicate()[0]
        self.assertEqual(run.returncode, 0, output)
        self.assertIn("rank 1", output)
        self.assertIn("SIGKILL", output)
        self.assertEqual(sorted(r[:3] for r in self.rounds()), [(0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2)])
        self.check_weights(60)

    def test_only_loopback_listens_and_strangers_do_not_disturb(self):
        steps = 150 + CONNECTIONS // 100  # longer than the flood
        run = start("--standalone", "--nproc-per-node", 2, WORKER, self.folder.name, steps, 0.02)
        while not os.path.exists(self.path("last.pt")):
            time.sleep(0.01)
        own = [run.pid] + [pid for _, _, _, pid in self.rounds()]
        addresses = listeners(own)
        self.assertTrue(addresses)
        for address in addresses:
            self.assertTrue(address.startswith("127.") or address.startswith("[::1]") or address.startswith("[::ffff:127."), addresses)
        port = int(next(iter(listeners([run.pid]))).rsplit(":", 1)[1])

        def flood(count):
            for i in range(count):
                with socket.create_connection(("127.0.0.1", port)) as stranger:
                    if i % 2:
                        stranger.sendall(os.urandom(64))

        threads = [threading.Thread(target=flood, args=(CONNECTIONS // 4,)) for _ in range(4)]
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{CONNECTIONS} connections in {time.monotonic() - begin:.1f} s", file=sys.stderr)
        self.assertIsNone(run.poll())
        output = run.communicate()[0]
        self.assertEqual((output, run.returncode), ("", 0))
        self.check_weights(steps)

    def test_an_exception_is_the_root_cause_with_its_traceback(self):
        script = self.path("fails.py")
        with open(script, "w") as file:
            file.write(
                "import os\n"
                "from torch.distributed.elastic.multiprocessing.errors import record\n"
                "import torch.distributed as dist\n"
                "@record\n"
                "def main():\n"
                "    dist.init_process_group('gloo')\n"
                "    dist.barrier()\n"
                "    if dist.get_rank() == 1: raise ValueError('no such luck')\n"
                "    dist.barrier()\n"
                "main()\n"
            )
        run = start("--standalone", "--nproc-per-node", 2, "--redirects", 3, "--log-dir", self.path("logs"), script)
        output = run.communicate()[0]
        self.assertEqual(run.returncode, 1)
        self.assertIn("rank 1", output)
        self.assertIn("ValueError: no such luck", output)
        self.assertIn("Traceback", output)

    def test_a_module_runs_with_python_as_with_torchrun(self):
        run = start("--standalone", "-m", "this")
        self.assertIn("The Zen of Python", run.communicate()[0])
        self.assertEqual(run.returncode, 0)

    def test_a_python_rank_that_shows_signs_of_life_is_ended_when_it_hangs(self):
        with open(os.path.join(os.environ["LEVIN_SOURCE_DIR"], "docs", "launcher.md")) as file:
            documented = file.read().split("```python\n")[1].split("```")[0]
        script = self.path("hangs.py")
        with open(script, "w") as file:
            file.write("batches = range(3)\n" + documented.replace("    ...", "    while step == 2: pass"))
        run = start("--standalone", "--hang-timeout", 2, script)
        output = run.communicate()[0]
        self.assertEqual(run.returncode, 137, output)
        self.assertIn("no sign of life", output)
        self.assertIn("hangs.py", output)

    def test_torchrun_shows_what_our_ranks_write_into_their_error_files(self):
        program = os.path.join(os.environ["LEVIN_BINARY_DIR"], "bin", "rank_program")
        torchrun = os.path.join(os.path.dirname(sys.executable), "torchrun")
        with open(self.path("output"), "w+") as file:  # no pipe: what torchrun leaves behind would keep it open
            code = subprocess.run([torchrun, "--standalone", "--nproc-per-node=2", "--no-python", program, "throw", "1", self.folder.name],
                                  env=ENVIRONMENT, stdout=file, stderr=file).returncode
            file.seek(0)
            output = file.read()
        with open(self.path("pids")) as file:
            for pid in file:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        self.assertEqual(code, 1, output)
        self.assertIn("Root Cause", output)
        self.assertIn("ValueError: no such luck", output)


if __name__ == "__main__":
    unittest.main()
