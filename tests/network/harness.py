"""What the tests of listeners and clients share: a running pipeline, requests to it, a server for it to talk to."""

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import types

WEIR = os.environ.get('WEIR', 'weir')
FILTER = os.environ.get('WEIR_TEST_FILTER', '')
START_S = 20


def free_port():
  with socket.socket() as sock:
    sock.bind(('127.0.0.1', 0))
    return sock.getsockname()[1]


def step(kind, **config):
  return {'type': kind, 'config': config}


def wait_for(condition, seconds=20, what='it'):
  """What `condition` gives, as soon as that is true."""
  end = time.monotonic() + seconds
  while True:
    value = condition()
    if value:
      return value
    if time.monotonic() > end:
      raise AssertionError(f'{what} did not happen within {seconds} s')
    time.sleep(0.01)


class Pipeline:
  """`weir run` of a chain of steps; drained at the end of a `with`, killed where that fails."""

  def __init__(self, folder, steps, *options, port=None, stdout=subprocess.PIPE):
    self.folder, self.port = folder, port
    if steps is not None:  # else the file is there
      with open(os.path.join(folder, 'p.yaml'), 'w', encoding='utf-8') as file:
        json.dump({'pipeline': {'type': 'chain', 'transforms': steps}}, file)
    self.process = subprocess.Popen([WEIR, 'run', 'p.yaml', '-q', *options], cwd=folder, stdout=stdout,
                                    stderr=subprocess.PIPE)
    self.out = self.err = ''

  def __enter__(self):
    if self.port:
      wait_for(self.listens, START_S, 'listening')
    return self

  def __exit__(self, kind, *_):
    if kind:
      self.process.kill()
      self.process.communicate()
    else:
      self.drain()

  def listens(self):
    assert self.process.poll() is None, f'the run ended: {self.process.communicate()[1].decode()}'
    with socket.socket() as sock:
      return sock.connect_ex(('127.0.0.1', self.port)) == 0

  def drain(self, expected=0, seconds=30):
    """Ctrl-C, then the exit status must be `expected`."""
    if self.process.poll() is None:
      self.process.send_signal(signal.SIGINT)
    self.end(expected, seconds)

  def end(self, expected=0, seconds=30):
    if self.process.stderr.closed:
      return
    try:
      out, err = self.process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
      self.process.kill()
      raise AssertionError(f'the run did not end within {seconds} s: {self.process.communicate()[1].decode()}') from None
    self.out, self.err = (out or b'').decode(), err.decode()
    assert self.process.returncode == expected, f'exit status {self.process.returncode}: {self.err}'

  def peak_memory_bytes(self):
    with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as file:
      return int(next(line for line in file if line.startswith('VmHWM')).split()[1]) * 1024


def post(port, body, kind='application/json', path='/', method='POST', **headers):
  """(status, headers, text) of one request on a connection of its own."""
  connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
  try:
    body = body if isinstance(body, (bytes, str)) else json.dumps(body)
    headers = {name.replace('_', '-'): value for name, value in headers.items()}
    if kind:
      headers['Content-Type'] = kind
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()
  finally:
    connection.close()


class Server:
  """An HTTP server; `handle(request)` gets command, path, headers and body, and gives (status, headers, body)."""

  def __init__(self, handle, port=0, tls=None):
    outer = self
    self.requests = []

    class Handler(http.server.BaseHTTPRequestHandler):
      protocol_version = 'HTTP/1.1'

      def answer(self):
        sent = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        request = types.SimpleNamespace(command=self.command, path=self.path, headers=self.headers, body=sent)
        outer.requests.append(request)
        status, headers, body = handle(request)
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in headers.items():
          self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

      do_GET = do_POST = do_PUT = answer

      def log_message(self, *_):
        pass

    self.server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
    self.server.daemon_threads = True
    if tls:
      self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
    self.url = f'http://127.0.0.1:{self.server.server_address[1]}'

  def __enter__(self):
    threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
    return self

  def __exit__(self, *_):
    self.server.shutdown()
    self.server.server_close()


def read_rows(folder, path='out.json'):
  """The rows of a JSON file, or of all files that a folder shows, in the order of their names."""
  path = os.path.join(folder, path)
  paths = [path]
  if os.path.isdir(path):
    paths = sorted(os.path.join(path, name) for name in os.listdir(path) if not name.startswith('.'))
  rows = []
  for name in paths:
    with open(name, encoding='utf-8') as file:
      rows += [json.loads(line) for line in file]
  return rows


def run_tests(tests, make_folder):
  """Runs (name, function) pairs; prints `ok NAME` or `not ok NAME`. The exit status."""
  failed = 0
  for name, test in tests:
    if FILTER not in name:
      continue
    with make_folder() as folder:
      try:
        note = test(folder)
        print(f'ok {name}', flush=True)
        if note:
          print(f'# {note}', flush=True)
      except Exception as error:  # every kind of failure is a failed test
        failed += 1
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        print(f'not ok {name} - {where.name}:{where.lineno} {str(error)[:300]!r}')
        print('\n'.join('# ' + line for line in traceback.format_exc().splitlines()), flush=True)
  return 1 if failed else 0
