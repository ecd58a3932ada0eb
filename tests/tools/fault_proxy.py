"""Proxies that harm what passes: what stands between a program and a server when the network or the server is ill.

TcpProxy works on bytes of any protocol, HttpProxy on whole requests. Both listen on 127.0.0.1, run in threads of their
own, and are used as context managers:

  with TcpProxy(server_port, seed=7) as proxy:
    proxy.fault = Fault('reset', after_bytes=10_000)     # of every connection from now on; None: passes everything
    ...
    proxy.down()                                         # connections are refused, those that are open are cut
    proxy.up()

  def rule(request):                                     # Request: method, path, headers, body
    return Answer(503, b'<Error><Code>SlowDown</Code></Error>') if request.method == 'PUT' else None

  with HttpProxy(server_port, rule) as proxy: ...
"""

import dataclasses
import http.client
import http.server
import random
import socket
import socketserver
import struct
import threading
import time

HOST = '127.0.0.1'
CHUNK_BYTES = 64 << 10
TCP_KINDS = ('latency', 'bandwidth', 'slice', 'cut', 'reset', 'half-open')


@dataclasses.dataclass
class Fault:
  """What happens to a connection.

  latency     every piece waits `seconds`            bandwidth  `bytes_per_s` pass
  slice       pieces of `slice_bytes`, one by one    cut        closed in order after `after_bytes`
  reset       RST after `after_bytes`                half-open  nothing passes any more after `after_bytes`, but the
                                                                connection stays
  """
  kind: str
  direction: str = 'both'  # request, response: only that way
  after_bytes: int = 0     # of that direction
  probability: float = 1.0  # that a connection has it
  seconds: float = 0.1
  bytes_per_s: int = 100_000
  slice_bytes: int = 1

  def __post_init__(self):
    assert self.kind in TCP_KINDS, f'{self.kind} is none of {TCP_KINDS}'
    assert self.direction in ('both', 'request', 'response'), self.direction


def reset(sock):
  """Closes with RST: what was sent and not read is lost, and the other side gets ECONNRESET."""
  try:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.shutdown(socket.SHUT_RD)  # a thread that waits for data would hold the socket open
  except OSError:
    pass
  sock.close()


class Connection:
  """One client and its connection to the server: a thread for each direction."""

  def __init__(self, proxy, client):
    self.proxy, self.client = proxy, client
    fault = proxy.fault
    self.fault = fault if fault and proxy.random.random() < fault.probability else None
    self.server = socket.create_connection(proxy.target, timeout=10)
    self.server.settimeout(None)
    for sock in (client, self.server):
      sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, source, sink in (('request', client, self.server), ('response', self.server, client)):
      threading.Thread(target=self.pump, args=(name, source, sink), daemon=True).start()

  def pump(self, direction, source, sink):
    fault = self.fault if self.fault and self.fault.direction in ('both', direction) else None
    passed = 0
    try:
      while data := source.recv(CHUNK_BYTES):
        if fault and fault.kind in ('cut', 'reset', 'half-open') and passed + len(data) > fault.after_bytes:
          sink.sendall(data[:max(0, fault.after_bytes - passed)])
          self.break_off(fault.kind)
          return
        self.send(sink, data, fault)
        passed += len(data)
        self.proxy.count(direction, len(data))
      sink.shutdown(socket.SHUT_WR)
    except OSError:
      self.close()

  def send(self, sink, data, fault):
    if fault and fault.kind == 'latency':
      time.sleep(fault.seconds)
    if fault and fault.kind == 'bandwidth':
      time.sleep(len(data) / fault.bytes_per_s)
    if fault and fault.kind == 'slice':
      for begin in range(0, len(data), fault.slice_bytes):
        sink.sendall(data[begin:begin + fault.slice_bytes])
      return
    sink.sendall(data)

  def break_off(self, kind):
    self.proxy.broken += 1
    if kind == 'half-open':
      return  # the sockets stay as they are until close()
    if kind == 'reset':
      reset(self.client)
      reset(self.server)
      return
    self.close()

  def close(self):
    for sock in (self.client, self.server):
      try:
        sock.shutdown(socket.SHUT_RDWR)
      except OSError:
        pass
      sock.close()


class TcpProxy:
  """Passes bytes between clients of `port` and the server at 127.0.0.1:`target_port`."""

  def __init__(self, target_port, port=0, seed=0, host=HOST):
    self.target = (host, target_port)
    self.random = random.Random(seed)
    self.fault = None
    self.broken = 0  # connections
    self.bytes = {'request': 0, 'response': 0}
    self.connections = []
    self.lock = threading.Lock()
    self.listener = None
    self.port = port
    self.up()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.down()

  def count(self, direction, size):
    with self.lock:
      self.bytes[direction] += size

  def up(self):
    """Listens (again, on the same port)."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, self.port))
    self.port = listener.getsockname()[1]
    listener.listen(128)
    self.listener = listener
    threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

  def accept(self, listener):
    while True:
      try:
        client, _ = listener.accept()
      except OSError:
        return
      try:
        connection = Connection(self, client)
      except OSError:  # the server is away
        reset(client)
        continue
      with self.lock:
        self.connections.append(connection)

  def cut_all(self):
    """Cuts every connection that is open."""
    with self.lock:
      connections, self.connections = self.connections, []
    for connection in connections:
      connection.close()

  def down(self):
    """Connections are refused until up()."""
    if self.listener:
      try:
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
      except OSError:
        pass
      self.listener.close()
      self.listener = None
    self.cut_all()


@dataclasses.dataclass
class Request:
  method: str
  path: str  # with the query
  headers: object
  body: bytes


@dataclasses.dataclass
class Answer:
  """What a rule says instead of the server, or beside it.

  By default the server never sees the request. `after_server`: it does, and its answer is thrown away: what was asked
  has happened, but the client does not hear it. `truncate_to`: the server's own answer, cut after so many bytes of its
  body. `delay_s`: how long the client waits. `drop`: the connection is reset without an answer.
  """
  status: int = 200
  body: bytes = b''
  headers: dict = dataclasses.field(default_factory=dict)
  after_server: bool = False
  truncate_to: int = None
  delay_s: float = 0
  drop: bool = False


class HttpProxy:
  """Passes requests to 127.0.0.1:`target_port` unless `rule(request)` gives an Answer. `requests` lists all, in order.

  `rule` is called from many threads. Requests and answers pass byte for byte as far as signatures reach: method, path,
  Host and the other headers, body. Bodies need a Content-Length.
  """

  def __init__(self, target_port, rule=None, port=0):
    outer = self
    self.rule = rule
    self.requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
      protocol_version = 'HTTP/1.1'
      disable_nagle_algorithm = True
      upstream = None

      def log_message(self, *_):
        pass

      def relay(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        request = Request(self.command, self.path, self.headers, body)
        outer.requests.append(request)
        answer = outer.rule(request) if outer.rule else None
        if answer and answer.delay_s:
          time.sleep(answer.delay_s)
        wanted = not answer or answer.after_server or answer.truncate_to is not None
        theirs = self.ask(target_port, request) if wanted else None
        if answer and answer.drop:
          self.close_connection = True
          self.wfile.flush()
          reset(self.connection)
        elif answer and answer.truncate_to is not None:
          self.tell(*theirs, cut=answer.truncate_to)
        elif answer and (answer.status != 200 or answer.body or answer.after_server):
          self.tell(answer.status, list(answer.headers.items()), answer.body)
        else:
          self.tell(*(theirs or self.ask(target_port, request)))

      do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = relay

      def ask(self, port, request):
        for attempt in (1, 2):  # a connection that was kept may be gone
          if self.upstream is None:
            self.upstream = http.client.HTTPConnection(HOST, port, timeout=60)
          try:
            self.upstream.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
              self.upstream.putheader(name, value)
            self.upstream.endheaders(request.body or None)
            answer = self.upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
          except (OSError, http.client.HTTPException):
            self.upstream.close()
            self.upstream = None
            if attempt == 2:
              return 502, [], b'the server is away'

      def tell(self, status, headers, body, cut=None):
        self.send_response_only(status)
        length = None
        for name, value in headers:
          if name.lower() == 'content-length':
            length = value
          elif name.lower() not in ('connection', 'transfer-encoding'):
            self.send_header(name, value)
        self.send_header('Content-Length', length if self.command == 'HEAD' and length else str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
          self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
          self.close_connection = True

    class Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
      daemon_threads = True
      request_queue_size = 128

      def handle_error(self, *_):
        pass  # a client that went away, or was cut

    self.server = Listener((HOST, port), Handler)
    self.port = self.server.server_address[1]
    self.thread = threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True)
    self.thread.start()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.server.shutdown()
    self.server.server_close()
