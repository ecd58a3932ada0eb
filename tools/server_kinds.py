"""The servers that tests need: how each is installed (pinned), started and asked whether it answers. See tools/servers."""

import abc
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile


def folder(variable, default):
    return pathlib.Path(os.environ.get(variable) or default).absolute()


HOME = folder("WEIR_SERVERS_HOME", pathlib.Path.home() / ".cache" / "weir-servers")
HOST = "127.0.0.1"

# The one place where versions are pinned. Debian's packages follow the release.
KAFKA = "4.3.1"
DYNAMODB_LOCAL = "2.6.1"
VERSITYGW = "v1.8.0"
SLF4J = "1.7.36"
MAVEN_DEPENDENCY_PLUGIN = "3.8.1"
GO = "1.26.0"  # fetched where the machine's own is older than what versitygw asks for
OLDEST_GO = (1, 25)

JAVA = ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class Failed(Exception):
    """Something the user must see; printed without a traceback."""


class NotInstalled(Failed):
    """What a server needs is not to be had on this machine."""


def say(text):
    print(text, file=sys.stderr, flush=True)



def run(argv, output=sys.stderr, **options):
    """Runs a command. Its output stays off stdout, which holds only env lines."""
    try:
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=output, **options)
    except FileNotFoundError:
        raise Failed(f"{argv[0]}: command not found") from None
    except subprocess.CalledProcessError as error:
        raise Failed(f"{' '.join(map(str, argv))}: exit status {error.returncode}") from None


def debian(*packages):
    """Installs the Debian packages that are missing."""

    def is_installed(package):
        query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
        answer = subprocess.run(query, capture_output=True, text=True)
        return answer.stdout == "installed"

    missing = [package for package in packages if not is_installed(package)]
    if not missing:
        return
    root = [] if os.geteuid() == 0 else ["sudo"]
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    run([*apt, "update"])
    run([*apt, "install", "-y", "--no-install-recommends", *missing])


def require(name, *packages):
    """Installs the packages where the machine has no such program."""
    if not shutil.which(name):
        debian(*packages, "ca-certificates")


def debian_file(package, suffix):
    """The installed file of a package whose path ends with suffix."""
    answer = subprocess.run(["dpkg", "-L", package], capture_output=True, text=True)
    for path in answer.stdout.splitlines():
        if path.endswith(suffix):
            return path
    raise Failed(f"{package} is not installed: run `install` first")


def maven(jars, *artifacts):
    """Copies the artifacts (group:name:version) and what they need into the folder jars."""
    if jars.is_dir():
        return
    require("mvn", "maven")
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>"
        "<version>{}</version></dependency>".format(*artifact.split(":"))
        for artifact in artifacts
    )
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as scratch:
        pom = pathlib.Path(scratch, "pom.xml")
        pom.write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>weir.tests</groupId>"
            "<artifactId>server</artifactId><version>1</version><packaging>pom</packaging>"
            f"<dependencies>{dependencies}</dependencies></project>\n"
        )
        fresh = pathlib.Path(scratch, "jars")
        plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{MAVEN_DEPENDENCY_PLUGIN}"
        goal = f"{plugin}:copy-dependencies"
        options = [f"-DoutputDirectory={fresh}", "-DincludeScope=runtime"]
        run(["mvn", "-B", "-q", "-f", pom, goal, *options])
        fresh.rename(jars)


def go():
    """A Go that is new enough: the machine's own, or one fetched as the Go module golang.org/toolchain."""
    for own in filter(None, (shutil.which("go"), "/usr/local/go/bin/go")):
        if os.access(own, os.X_OK):
            answer = subprocess.run([own, "version"], capture_output=True, text=True).stdout
            version = re.search(r"go(\d+)\.(\d+)", answer)
            if version and tuple(map(int, version.groups())) >= OLDEST_GO:
                return own
    debian("golang-go", "ca-certificates")
    # Debian's Go is too old to fetch a newer one by itself, but knows how to fetch and verify a module.
    module = f"golang.org/toolchain@v0.0.1-go{GO}.linux-amd64"
    fetch = ["/usr/bin/go", "mod", "download", "-json", module]
    answer = subprocess.run(fetch, capture_output=True, text=True, cwd=HOME)
    if answer.returncode != 0:
        raise Failed(f"{' '.join(fetch)}: {answer.stderr.strip() or answer.stdout.strip()}")
    home = pathlib.Path(json.loads(answer.stdout)["Dir"])
    for program in (home / "bin" / "go", *(home / "pkg" / "tool").rglob("*")):
        if program.is_file() and not os.access(program, os.X_OK):  # modules are unpacked without this bit
            program.chmod(0o555)
    return home / "bin" / "go"


def go_install(binary, package):
    """Builds a Go program (module/path@version) into the file binary."""
    if binary.is_file():
        return
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as scratch:
        jobs = str(min(2, os.cpu_count() or 1))
        environment = os.environ | {"GOBIN": scratch, "GOTOOLCHAIN": "local"}
        run([go(), "install", "-p", jobs, package], env=environment)
        pathlib.Path(scratch, binary.name).rename(binary)


# ---- servers ----


def answers(port, request, size):
    """The first `size` bytes a server sends after `request`."""
    with socket.create_connection((HOST, port), timeout=2) as connection:
        connection.sendall(request)
        reply = b""
        while len(reply) < size and (more := connection.recv(size - len(reply))):
            reply += more
        return reply


def http_get(port, path="/"):
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


class Server(abc.ABC):
    """One kind of server. `ports` holds as many free ports as `port_count` says."""

    port_count = 1
    user = None  # the user it runs as when we are root; None: as we are
    stop_signal = signal.SIGTERM

    @abc.abstractmethod
    def install(self):
        """Fetches what is missing; returns at once when nothing is."""

    def prepare(self, data, ports, log):
        """Fills the new data folder before the first start."""

    @abc.abstractmethod
    def command(self, data, ports):
        """What starts it, as a list of words."""

    def environment(self):
        return {}

    @abc.abstractmethod
    def is_ready(self, ports):
        """Whether it answers its own protocol; an OSError means not yet."""

    @abc.abstractmethod
    def exports(self, ports):
        """The variables by which tests find it."""

    def popen_options(self, data):
        if self.user and os.geteuid() == 0:
            return {"cwd": data, "user": self.user, "group": self.user, "extra_groups": []}
        return {"cwd": data}


class Kafka(Server):
    """A single-node Apache Kafka broker (KRaft), with transactions."""

    port_count = 2
    jars = HOME / f"kafka-{KAFKA}"
    cluster_id = "V2VpclRlc3RDbHVzdGVyMQ"  # base64url of 16 bytes; any will do

    def install(self):
        require("java", "default-jre-headless")
        # slf4j-simple sends the broker's log to stderr; without it there is none.
        maven(self.jars, f"org.apache.kafka:kafka_2.13:{KAFKA}", f"org.slf4j:slf4j-simple:{SLF4J}")

    def java(self, *arguments):
        return [*JAVA, "-cp", f"{self.jars}/*", *map(str, arguments)]

    def prepare(self, data, ports, log):
        broker, controller = ports
        settings = data / "server.properties"
        settings.write_text(
            f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{HOST}:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{HOST}:{broker},CONTROLLER://{HOST}:{controller}
advertised.listeners=PLAINTEXT://{HOST}:{broker}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data / "log"}
# One node holds every replica.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a crash the broker may come back once its old session has ended; the default
# of 9 s would make every crash test wait for it.
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=250
"""
        )
        tool = self.java("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", settings)
        run(tool, log, stderr=log)

    def command(self, data, ports):
        return self.java("kafka.Kafka", data / "server.properties")

    def is_ready(self, ports):
        # ApiVersions v0, correlation id 7, no client id. The broker opens its port long
        # before it serves requests, so a bare connection would say too little.
        request = struct.pack(">hhih", 18, 0, 7, -1)
        reply = answers(ports[0], struct.pack(">i", len(request)) + request, 10)
        return len(reply) == 10 and struct.unpack(">iih", reply)[1:] == (7, 0)

    def exports(self, ports):
        return {"WEIR_TEST_KAFKA": f"{HOST}:{ports[0]}"}


class S3(Server):
    """versitygw over a folder: verifies signatures, has conditional and multipart writes."""

    binary = HOME / f"versitygw-{VERSITYGW}" / "versitygw"
    access_key, secret_key, region = "weirtest", "weirtestsecret", "us-east-1"

    def install(self):
        go_install(self.binary, f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}")

    def prepare(self, data, ports, log):
        for part in ("objects", "versions"):
            (data / part).mkdir()

    def command(self, data, ports):
        listen = ["--port", f"{HOST}:{ports[0]}", "--region", self.region, "--health", "/health"]
        folders = ["--versioning-dir", data / "versions", data / "objects"]
        return [self.binary, *listen, "posix", *folders]

    def environment(self):
        return {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}

    def is_ready(self, ports):
        return http_get(ports[0], "/health")[0] == 200

    def exports(self, ports):
        return {
            "WEIR_TEST_S3_ENDPOINT": f"http://{HOST}:{ports[0]}",
            "WEIR_TEST_S3_ACCESS_KEY": self.access_key,
            "WEIR_TEST_S3_SECRET_KEY": self.secret_key,
            "WEIR_TEST_S3_REGION": self.region,
        }


class DynamoDB(Server):
    """DynamoDB Local. It accepts any key and signature."""

    jars = HOME / f"dynamodb-{DYNAMODB_LOCAL}"

    def install(self):
        require("java", "default-jre-headless")
        maven(self.jars, f"com.amazonaws:DynamoDBLocal:{DYNAMODB_LOCAL}")

    def command(self, data, ports):
        main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
        native = f"-Dsqlite4java.library.path={self.jars}"
        options = ["-port", str(ports[0]), "-sharedDb", "-dbPath", data, "-disableTelemetry"]
        return [*JAVA, native, "-cp", f"{self.jars}/*", main, *options]

    def is_ready(self, ports):
        return http_get(ports[0])[0] == 400  # a request without an operation

    def exports(self, ports):
        return {
            "WEIR_TEST_DYNAMODB_ENDPOINT": f"http://{HOST}:{ports[0]}",
            "WEIR_TEST_DYNAMODB_REGION": "us-east-1",
        }


class Postgres(Server):
    package = "postgresql-15"
    user = "postgres"  # it refuses to run as root
    stop_signal = signal.SIGINT  # does not wait for clients to leave

    def install(self):
        debian(self.package)

    def program(self, name):
        return debian_file(self.package, f"/bin/{name}")

    def prepare(self, data, ports, log):
        login = ["-U", "weir", "-A", "trust", "-E", "UTF8", "--locale=C"]
        initdb = [self.program("initdb"), "-D", data / "db", *login, "--no-sync"]
        run(initdb, log, stderr=log, **self.popen_options(data))

    def command(self, data, ports):
        settings = {
            "listen_addresses": HOST,
            "port": ports[0],
            "unix_socket_directories": "",
            "wal_level": "logical",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self.program("postgres"), "-D", data / "db", *options]

    def is_ready(self, ports):
        tool = debian_file("postgresql-client-15", "/bin/pg_isready")
        login = ["-h", HOST, "-p", str(ports[0]), "-U", "weir", "-d", "postgres"]
        return subprocess.run([tool, "-q", *login]).returncode == 0

    def exports(self, ports):
        return {"WEIR_TEST_POSTGRES": f"postgresql://weir@{HOST}:{ports[0]}/postgres"}


class Redis(Server):
    def install(self):
        debian("redis-server")

    def command(self, data, ports):
        listen = ["--bind", HOST, "--port", str(ports[0])]
        return ["redis-server", *listen, "--dir", data, "--save", "", "--appendonly", "yes"]

    def is_ready(self, ports):
        return answers(ports[0], b"PING\r\n", 7) == b"+PONG\r\n"

    def exports(self, ports):
        return {"WEIR_TEST_REDIS": f"redis://{HOST}:{ports[0]}"}


class Etcd(Server):
    port_count = 2

    def install(self):
        debian("etcd-server")

    def command(self, data, ports):
        client, peer = (f"http://{HOST}:{port}" for port in ports)
        clients = ["--listen-client-urls", client, "--advertise-client-urls", client]
        peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        cluster = ["--name", "weir", "--initial-cluster", f"weir={peer}"]
        return ["etcd", "--data-dir", data / "db", "--logger", "zap", *clients, *peers, *cluster]

    def is_ready(self, ports):
        status, body = http_get(ports[0], "/health")
        return status == 200 and json.loads(body)["health"] == "true"

    def exports(self, ports):
        return {"WEIR_TEST_ETCD": f"http://{HOST}:{ports[0]}"}


class Mqtt(Server):
    def install(self):
        debian("mosquitto")

    def prepare(self, data, ports, log):
        settings = f"listener {ports[0]} {HOST}\nallow_anonymous true\npersistence false\n"
        (data / "mosquitto.conf").write_text(settings)

    def command(self, data, ports):
        return ["mosquitto", "-c", data / "mosquitto.conf"]

    def is_ready(self, ports):
        # CONNECT of MQTT 3.1.1 with a clean session, answered by CONNACK 0.
        body = b"\x00\x04MQTT\x04\x02\x00\x0a\x00\x05ready"
        request = bytes([0x10, len(body)]) + body
        return answers(ports[0], request, 4) == b"\x20\x02\x00\x00"

    def exports(self, ports):
        return {"WEIR_TEST_MQTT": f"mqtt://{HOST}:{ports[0]}"}


SERVERS = {
    "kafka": Kafka(),
    "s3": S3(),
    "dynamodb": DynamoDB(),
    "postgres": Postgres(),
    "redis": Redis(),
    "etcd": Etcd(),
    "mqtt": Mqtt(),
}
