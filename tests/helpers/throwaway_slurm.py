"""A Slurm of our own for a test: controller and nodes on this machine, below one directory, without systemd or cgroups.

By hand: `python tests/helpers/throwaway_slurm.py up DIR [NODES]` prints the export line that makes it the shell's
cluster; `python tests/helpers/throwaway_slurm.py down DIR` ends it; `... install` only has its programs installed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sinfo", "squeue", "sbatch", "srun", "scancel", "scontrol", "sacct", "salloc")
CONF = """
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# a job that its node has lost waits for its credential to expire before it goes elsewhere
AuthInfo=socket={folder}/munge/socket,cred_expire=10
CredType=cred/munge
MpiDefault=none
SwitchType=switch/none
TaskPlugin=task/none
ProctrackType=proctrack/linuxproc
# without cgroups the memory of a job is looked at once a second, and a job above its limit is killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={folder}/log/finished.txt
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/state/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ReturnToService=2
SlurmdTimeout=60
KillWait=2
OverTimeLimit=0
MinJobAge=300
InactiveLimit=0
# nodes may claim more processors than the machine has
SlurmdParameters=config_overrides
"""


class NoSlurm(Exception):
    """Why there is no Slurm on this machine."""


def install():
    """Has Slurm's programs installed from Debian's packages when they are missing; NoSlurm when that cannot be."""
    if all(shutil.which(name, path=_path()) for name in (*DAEMONS, "sbatch")):
        return
    if os.geteuid() != 0:
        raise NoSlurm("Slurm's daemons are missing and only root can install them")
    if not shutil.which("apt-get"):
        raise NoSlurm("Slurm's daemons are missing and there is no apt-get to install them")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(["apt-get", *words], env=quiet, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoSlurm(f"apt-get {words[0]} failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")


class Slurm:
    """A cluster below `folder`; use it as a context manager."""

    def __init__(self, folder, nodes=2, cpus=4):
        self.folder = Path(folder).resolve()
        self.nodes, self.cpus = nodes, cpus

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def conf(self):
        return self.folder / "slurm.conf"

    @property
    def variables(self):
        """What a process needs in its environment to use this cluster."""
        return {"SLURM_CONF": str(self.conf), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def run(self, *command):
        """Output of one of Slurm's commands."""
        done = subprocess.run(
            command, env={**os.environ, **self.variables}, capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout

    def start(self):
        """Starts the daemons and waits until every node is idle."""
        if os.geteuid() != 0:
            raise NoSlurm("the daemons of a cluster of one's own are started by root only")
        for name in ("state", "log", "run", "munge", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self._write_conf()
        self._write_clients()
        self._start_munge()
        _daemon("slurmctld", "-c", "-f", str(self.conf))
        for node in self.names:
            self.start_node(node)
        self._wait_until_idle()

    @property
    def names(self):
        return [f"n{i + 1}" for i in range(self.nodes)]

    def start_node(self, name):
        _daemon("slurmd", "-N", name, "-f", str(self.conf))

    def stop(self):
        """Ends every job and every daemon that this cluster started, by their pid files."""
        if self.conf.exists() and _pid_of(self.folder / "run" / "slurmctld.pid", "slurmctld"):
            self.run("scancel", "-u", "root")
        files = [*self.folder.glob("run/*.pid"), self.folder / "munge" / "pid"]
        for pid in self._lost_steps():
            _kill(pid)
        _end([pid for path in files if (pid := _pid_of(path, *DAEMONS))])

    def _lost_steps(self):
        """Processes of jobs that were sent from here and that no node looks after any more."""
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                content = path.read_bytes()
            except OSError:
                continue
            if b"SLURM_JOB_ID=" in content and f"{self.folder / 'bin'}:".encode() in content:
                found.append(int(path.parent.name))
        return found

    def kill_node(self, name):
        """Takes a node away as a power cut would."""
        if pid := _pid_of(self.folder / "run" / f"slurmd-{name}.pid", "slurmd"):
            os.kill(pid, signal.SIGKILL)

    def _write_conf(self):
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(self.nodes + 1)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 * 9 // 10 // self.nodes
        lines = [CONF.format(host=host, ports=ports, folder=self.folder)]
        for name, port in zip(self.names, ports[1:], strict=True):
            (self.folder / "state" / name).mkdir(exist_ok=True)
            facts = f"NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={self.cpus} RealMemory={memory}"
            lines.append(f"NodeName={name} {facts} State=UNKNOWN\n")
        lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n")
        self.conf.write_text("".join(lines))

    def _write_clients(self):
        """Commands that know their cluster: Snakemake's job steps take SLURM_CONF out of srun's environment."""
        for name in CLIENTS:
            path = self.folder / "bin" / name
            path.write_text(f'#!/bin/sh\nSLURM_CONF={self.conf} exec /usr/bin/{name} "$@"\n')
            path.chmod(0o755)

    def _start_munge(self):
        folder = self.folder / "munge"
        folder.chmod(0o700)
        key = folder / "key"
        if not key.exists():
            key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        # our own key and socket: a munge of the machine is left alone
        options = {"key-file": key, "socket": folder / "socket", "pid-file": folder / "pid"}
        options |= {"log-file": folder / "log", "seed-file": folder / "seed"}
        _daemon("munged", "--force", *(f"--{name}={path}" for name, path in options.items()))

    def _wait_until_idle(self, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(set(self.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split())) == self.nodes:
                return
            time.sleep(0.2)
        raise NoSlurm(f"the {self.nodes} nodes did not come up within {seconds} s; see {self.folder / 'log'}")


def _path():
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _daemon(name, *options):
    program = shutil.which(name, path=_path())
    done = subprocess.run([program, *options], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise NoSlurm(f"{name} does not start: {done.stderr.strip()}")


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _pid_of(path, *names):
    """The pid in a file when a process of one of the names has it, None otherwise."""
    try:
        pid = int(path.read_text())
        return pid if Path(f"/proc/{pid}/comm").read_text().strip() in names else None
    except (OSError, ValueError):
        return None


def _is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _kill(pid, number=signal.SIGKILL):
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _end(pids):
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [pid for pid in pids if _is_alive(pid)]
        for pid in alive:
            _kill(pid, number)
        deadline = time.monotonic() + 5
        while any(map(_is_alive, alive)) and time.monotonic() < deadline:
            time.sleep(0.1)


def main(action, folder=".", nodes="2"):
    slurm = Slurm(folder, int(nodes))
    if action == "down":
        slurm.stop()
        return
    install()
    if action == "install":
        return
    try:
        slurm.start()
    except BaseException:
        slurm.stop()
        raise
    print("export " + " ".join(f"{name}={value}" for name, value in slurm.variables.items()))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except NoSlurm as reason:
        sys.exit(str(reason))
