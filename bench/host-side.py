"""What a no-op deploy takes on the host: the agent's life, from its start to its end, as the kernel's scheduler tells it.

    host-side.py OCRCTL INVENTORY [ROUNDS]

The host is a container of this machine, so that `perf` sees its processes; as root. What has to be waited for meanwhile is the
controller, which is next to it.
"""

import re
import subprocess
import sys
import tempfile

EVENTS = ["sched:sched_process_exec", "sched:sched_process_exit"]
AT = re.compile(r" (\d+\.\d+): ")
PID = re.compile(r"\bpid=(\d+)")


def agent_milliseconds(command):
    with tempfile.NamedTemporaryFile() as record:
        events = [argument for event in EVENTS for argument in ("-e", event)]
        subprocess.run(["perf", "record", "-q", "-a", *events, "-o", record.name, "--", *command], check=True, capture_output=True)
        trace = subprocess.run(["perf", "script", "-i", record.name], check=True, capture_output=True, text=True).stdout
    pid = began = None
    for line in trace.splitlines():
        at, who = AT.search(line), PID.search(line)
        if "process_exec" in line and "/bin/ocrctl-" in line:
            pid, began = who[1], float(at[1])
        elif pid and "process_exit" in line and who[1] == pid:
            return (float(at[1]) - began) * 1000
    raise SystemExit("no agent was seen on this machine")


def main():
    ocrctl, inventory = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 15
    command = [ocrctl, "--inventory", inventory, "deploy", "rehearsal"]
    times = sorted(agent_milliseconds(command) for _ in range(rounds))
    print(f"the host's side of it          {times[len(times) // 2]:5.0f} ms   {times[0]:.0f} to {times[-1]:.0f}")


main()
