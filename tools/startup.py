#!/usr/bin/env python3
"""Measures a start: from the process's birth to the first chat call answered with 200, by a key made before.

    tools/startup.py [--runs N] COMMAND...      for example: tools/startup.py ./lockkeeper

COMMAND is the launcher; `serve` and its options are added. The provider is the simulator inside the process. Each run is a
new process on the same data folder. Printed for each run and as a median: milliseconds to the first answer, and at that
moment the processor time used (user + system, all threads) and resident memory, both as the kernel accounts for them. On a
machine that does other work look at the processor time, and compare runs that were made in turns.
Exit code: 0, or 1 when a run was not answered within 60 s.
"""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

TIMEOUT = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answered(port, key):
    body = json.dumps({"model": "gpt-5.5", "messages": [{"role": "user", "content": "Hello"}]})
    http_ = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        http_.request("POST", "/v1/chat/completions", body,
                      {"authorization": "Bearer " + key, "content-type": "application/json"})
        answer = http_.getresponse()
        answer.read()
        return answer.status == 200
    finally:
        http_.close()


def used(pid):
    """Processor milliseconds and resident MiB of a process."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as status:
        resident = re.search(r"VmRSS:\s+(\d+)", status.read())
    ticks = int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK"), int(resident.group(1)) / 1024


def run(command, folder, key):
    port = free_port()
    arguments = [*command, "serve", "--port", str(port), "--admin-port", "0", "--data", folder]
    told = open(os.path.join(folder, "told"), "w+")
    began = time.monotonic()
    process = subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told)
    try:
        while True:
            try:
                if answered(port, key):
                    break
            except OSError:
                pass
            if time.monotonic() - began > TIMEOUT or process.poll() is not None:
                told.seek(0)
                sys.exit(f"no answer from {' '.join(arguments)}:\n{told.read()}")
            time.sleep(0.002)
        wall = (time.monotonic() - began) * 1000
        return wall, *used(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        told.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--runs", type=int, default=5)
    arguments.add_argument("command", nargs="+")
    given = arguments.parse_args()
    given.command[0] = os.path.abspath(given.command[0])
    with tempfile.TemporaryDirectory() as folder:
        key = subprocess.run([*given.command, "keys", "create", "startup", "--data", folder], cwd=folder,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout.strip()
        runs = []
        for _ in range(given.runs):
            runs.append(run(given.command, folder, key))
            print("first answer after {:5.0f} ms, {:5.0f} ms of processor time, {:4.0f} MiB".format(*runs[-1]), flush=True)
        median = [statistics.median(each) for each in zip(*runs)]
        print("median             {:5.0f} ms, {:5.0f} ms of processor time, {:4.0f} MiB".format(*median))


if __name__ == "__main__":
    main()
