"""The servers that the benchmark compares: how each is started, with what configuration."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
TICK = os.sysconf("SC_CLK_TCK")


def command(*args, **how):
    return subprocess.run(args, check=True, capture_output=True, text=True, timeout=120, **how)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pss(pids, without_libraries=False):
    """User-space kilobytes of processes: shared pages in parts."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
            for part in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", f.read())[1:]:
                is_library = ".so" in part.split("\n", 1)[0]
                if not (is_library and without_libraries):
                    total += int(re.search(r"(?m)^Pss:\s+(\d+)", part)[1])
    return total


class Server:
    """A running server: its process tree, what it has used."""

    def __init__(self, args, port, cores, env=None, cwd=None):
        self.port = port
        self.process = subprocess.Popen(
            ["taskset", "-c", cores, *args], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd,
            env={**os.environ, **(env or {})}, start_new_session=True)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"{args[0]} does not listen")
                time.sleep(0.02)

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as f:
                    todo += [int(p) for p in f.read().split()]
        return found

    def used(self):
        """Seconds of processor, and context switches, so far."""
        seconds = switches = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICK
            for task in os.listdir(f"/proc/{pid}/task"):
                try:
                    with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as f:
                        switches += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", f.read())))
                except OSError:
                    pass
        return seconds, switches

    def rss(self):
        """Kilobytes in memory now, all processes together."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                total += int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
        return total

    def stop(self):
        if self.process.poll() is None:
            for pid in reversed(self.pids()):
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Bench:
    """What all peers need: folders, programs, processors."""

    def __init__(self, args):
        self.args = args
        self.folder = tempfile.mkdtemp(prefix="weir-bench.")
        self.weir = os.path.abspath(os.environ.get("WEIR", "weir"))
        self.load = os.path.abspath(os.environ.get("WEIR_LOAD") or os.path.join(
            os.path.dirname(self.weir), "tests/bench/load"))
        for program in (self.weir, self.load):
            if not os.path.exists(program):
                sys.exit(f"bench: {program} is not built")
        self.cores = sorted(os.sched_getaffinity(0))[:2]
        if len(self.cores) < 2:
            sys.exit("bench: wants two processors")
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        for name, size in (("1k", 1024), ("1m", 1 << 20)):
            with open(os.path.join(self.root, name), "wb") as f:
                f.write(os.urandom(size))
        os.chmod(self.folder, 0o755)
        self.missing = {}
        self.loops = 1  # threads with an event loop, for each server that has such

    def server_cores(self):
        return str(self.cores[0]) if self.args.mode == "split" else self.both()

    def client_cores(self):
        return str(self.cores[1]) if self.args.mode == "split" else self.both()

    def both(self):
        return ",".join(map(str, self.cores))

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def compile(self, source, *flags):
        out = os.path.join(self.folder, source.rsplit(".", 1)[0])
        if not os.path.exists(out):
            command(os.environ.get("CC", "cc"), "-O2", "-o", out, os.path.join(PEERS, source),
                    *flags)
        return out

    def module(self, source, *flags):
        out = os.path.join(self.folder, source.rsplit(".", 1)[0] + ".so")
        if not os.path.exists(out):
            command(os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", out,
                    os.path.join(PEERS, source), *flags)
        return out


# ---- each returns a running Server ----

def start_weir(b, tokens, cores, more="", queue="inf"):
    port = free_port()
    module = b.module("bench.c", "-I", os.path.join(HERE, "../../src/include"))
    path = b.file(f"weir{port}.ini", f"[server]\nlisten = 127.0.0.1:{port}\nio_threads = {b.loops}\n"
                  f"connections_max = 18000\nbody_memory = 2M\nlog_level = error\n"
                  f"[pool default]\nthread_tokens = {tokens}\nqueue_max = {queue}\n"
                  f"[module bench]\nfile = {module}\n[static /files]\nroot = {b.root}\n{more}")
    return Server([b.weir, "-c", path], port, cores)


def start_nginx(b, tokens, cores):
    port = free_port()
    path = b.file(f"nginx{port}.conf", f"""
daemon off; worker_processes {b.loops}; pid {b.folder}/nginx{port}.pid; error_log /dev/null crit;
worker_rlimit_nofile 30000;
events {{ worker_connections 20000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 300;
  open_file_cache max=100; types {{ }} default_type text/plain; client_max_body_size 64m;
  server {{
    listen 127.0.0.1:{port} reuseport backlog=4096;
    location /inline {{ return 200 "hello, world\\n"; }}
    location /files/ {{ alias {b.root}/; }}
  }}
}}
""")
    return Server(["nginx", "-c", path, "-p", b.folder], port, cores)


def start_ref_epoll(b, tokens, cores):
    port = free_port()
    return Server([b.compile("ref_epoll.c", "-D_GNU_SOURCE"), str(port)], port, cores)


def start_mhd(b, tokens, cores):
    port = free_port()
    threads = tokens if tokens > 40 else b.loops
    return Server([b.compile("mhd.c", "-D_GNU_SOURCE", "-lmicrohttpd"), str(port), str(threads)],
                  port, cores)


def start_mhd_pool(b, tokens, cores):
    port = free_port()
    return Server([b.compile("mhd.c", "-D_GNU_SOURCE", "-lmicrohttpd"), str(port), str(tokens)],
                  port, cores)


def start_haproxy(b, tokens, cores):
    port = free_port()
    path = b.file(f"haproxy{port}.cfg", f"""
global
  nbthread {b.loops}
  maxconn 9000
defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
  timeout http-keep-alive 300s
frontend f
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string "hello, world\\n"
""")
    return Server(["/usr/sbin/haproxy", "-q", "-f", path], port, cores)


def start_h2o(b, tokens, cores):
    port = free_port()
    path = b.file(f"h2o{port}.conf", f"""
num-threads: {b.loops}
listen:
  host: 127.0.0.1
  port: {port}
hosts:
  default:
    paths:
      /files:
        file.dir: {b.root}
""")
    return Server(["h2o", "-m", "worker", "-c", path], port, cores)


def start_apache(b, tokens, cores):
    port = free_port()
    module = os.path.join(b.folder, ".libs/mod_bench.so")
    if not os.path.exists(module):
        shutil.copy(os.path.join(PEERS, "mod_bench.c"), b.folder)
        command("apxs", "-c", "mod_bench.c", cwd=b.folder)
    path = b.file(f"apache{port}.conf", f"""
ServerRoot /etc/apache2
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {b.folder}/apache{port}.pid
DefaultRuntimeDir {b.folder}
Mutex file:{b.folder} default
ErrorLog /dev/null
LogLevel crit
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule bench_module {module}
ServerLimit {tokens // 20}
StartServers {tokens // 20}
ThreadsPerChild 20
ThreadLimit 20
MaxRequestWorkers {tokens}
MinSpareThreads 20
MaxSpareThreads 400
AsyncRequestWorkerFactor 400
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 300
DocumentRoot {b.root}
SetHandler bench
<Location /files>
SetHandler None
</Location>
User nobody
Group nogroup
""")
    return Server(["/usr/sbin/apache2", "-DFOREGROUND", "-f", path], port, cores)


def start_uwsgi(b, tokens, cores):
    port = free_port()
    header = os.path.join(b.folder, "uwsgi.h")
    if not os.path.exists(header):
        with open(header, "w", encoding="utf-8") as f:
            f.write(command("uwsgi", "--dot-h").stdout)
    flags = command("uwsgi", "--cflags").stdout.split()
    module = b.module("handler.c", "-I", b.folder,
                      *[f for f in flags if f.startswith(("-D", "-I"))], "-w")
    return Server(["uwsgi", "--http11-socket", f"127.0.0.1:{port}", "--plugin", "symcall",
                   "--dlopen", module, "--symcall", "bench_request", "--threads", str(tokens),
                   "--listen", "1024", "--disable-logging", "--master", "--so-keepalive",
                   "--add-header", "Connection: Keep-Alive"], port, cores)


def start_starlette(b, tokens, cores):
    port = free_port()
    return Server(["/usr/bin/python3", "-m", "uvicorn", "app:app",
                   "--host", "127.0.0.1", "--port", str(port), "--log-level", "critical",
                   "--no-access-log"], port, cores, cwd=PEERS)


def start_go(b, tokens, cores):
    port = free_port()
    out = os.path.join(b.folder, "go")
    if not os.path.exists(out):
        command("go", "build", "-o", out, os.path.join(PEERS, "main.go"),
                env={**os.environ, "GO111MODULE": "off", "GOCACHE": f"{b.folder}/cache",
                     "GOPATH": f"{b.folder}/path"})
    return Server([out, str(port), str(tokens), b.root], port, cores,
                  {"GOMAXPROCS": str(len(cores.split(",")))})


# name: (how it is started, what it serves, programs it needs)
PEERS_OF = {
    "weir": (start_weir, {"inline": "/inline", "blocking": "/blocking", "sleep": "/sleep10",
                          "length": "/whole", "1k": "/files/1k", "1m": "/files/1m"}, []),
    "nginx": (start_nginx, {"inline": "/inline", "1k": "/files/1k", "1m": "/files/1m"}, ["nginx"]),
    "ref_epoll": (start_ref_epoll, {"inline": "/"}, []),
    "libmicrohttpd": (start_mhd, {"inline": "/", "blocking": "/", "length": "/length"}, []),
    "libmicrohttpd-pool": (start_mhd_pool, {"blocking": "/", "sleep": "/sleep10"}, []),
    "haproxy": (start_haproxy, {"inline": "/"}, ["/usr/sbin/haproxy"]),
    "h2o": (start_h2o, {"1k": "/files/1k", "1m": "/files/1m"}, ["h2o"]),
    "apache": (start_apache, {"blocking": "/", "sleep": "/sleep10", "length": "/length"},
               ["/usr/sbin/apache2", "apxs"]),
    "uwsgi": (start_uwsgi, {"blocking": "/", "sleep": "/sleep10"}, ["uwsgi"]),
    "go": (start_go, {"inline": "/inline", "blocking": "/blocking", "sleep": "/sleep10",
                      "length": "/length", "1k": "/files/1k", "1m": "/files/1m"}, ["go"]),
    "starlette": (start_starlette, {"inline": "/inline", "blocking": "/blocking",
                                    "sleep": "/sleep10"}, []),
}
