"""A source ten times as fast as its sink: clients hear 429, memory stays within its budget, no accepted row is missing."""

import http.client
import json
import sys
import threading
import time

from harness import Pipeline, Server, free_port, step

SECONDS = 60 if '--minute' in sys.argv else 4
ROWS = 200  # of a request
PAUSE_S = 0.1  # of the sink for each 1000 rows: 10,000 rows/s
BUDGET_BYTES = 256 << 20
RECOVERY_S = 10


class Client(threading.Thread):
  """Posts as fast as it may until told to stop; notes what was accepted, and how often it was told to wait."""

  def __init__(self, port, number, stop):
    super().__init__()
    self.port, self.number, self.stop = port, number, stop
    self.accepted, self.refused, self.others, self.sent = [], 0, [], 0

  def run(self):
    connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
    pad = 'x' * 200
    while not self.stop.is_set():
      first = self.number * 1_000_000_000 + self.sent * ROWS
      self.sent += 1
      body = ''.join(f'{{"id":{i},"pad":"{pad}"}}\n' for i in range(first, first + ROWS))
      connection.request('POST', '/', body, {'Content-Type': 'application/x-ndjson'})
      answer = connection.getresponse()
      answer.read()
      if answer.status == 202:
        self.accepted.append(first)
      elif answer.status == 429 and answer.headers['Retry-After'] == '1':
        self.refused += 1
        if answer.headers['Connection'] == 'close':
          connection.close()
      else:
        self.others.append(answer.status)
    connection.close()


def test_no_accepted_row_is_missing(folder):
  port = free_port()
  counts, state = {}, {'pause': PAUSE_S}
  lock = threading.Lock()

  def sink(request):
    time.sleep(state['pause'])
    with lock:
      for line in request.body.splitlines():
        key = json.loads(line)['id']
        counts[key] = counts.get(key, 0) + 1
    request.body = b''  # the server keeps its requests
    return 200, {}, ''

  with Server(sink) as server:
    read = step('ReadFromHttp', listen=f'127.0.0.1:{port}', schema={'id': 'integer', 'pad': 'string'}, max_queue='8MiB')
    write = step('WriteToHttp', url=server.url, batch={'max_records': 1000, 'max_bytes': '4MiB'})
    with Pipeline(folder, [read, write], '--memory', str(BUDGET_BYTES), '--lanes', '2', port=port) as run:
      stop = threading.Event()
      clients = [Client(port, number, stop) for number in range(4)]
      for client in clients:
        client.start()
      time.sleep(SECONDS)
      delivered_slow = len(counts)
      state['pause'] = 0
      refused_before = sum(client.refused for client in clients)
      time.sleep(min(RECOVERY_S, SECONDS))
      delivered_fast = len(counts) - delivered_slow
      stop.set()
      for client in clients:
        client.join()
      peak = run.peak_memory_bytes()
    accepted = sum(len(client.accepted) for client in clients) * ROWS
    refused = sum(client.refused for client in clients)
    assert not [status for client in clients for status in client.others]
    expected = {first + i for client in clients for first in client.accepted for i in range(ROWS)}
    assert refused_before > 0, 'the queue was never full'
    assert len(expected) == accepted
    missing, extra = expected - counts.keys(), counts.keys() - expected
    assert not missing and not extra, f'{len(missing)} accepted rows are missing, {len(extra)} refused ones came out'
    assert all(count == 1 for count in counts.values()), 'a row came out twice'
    assert peak < BUDGET_BYTES * 1.1, f'peak of {peak >> 20} MiB'
    assert delivered_fast / min(RECOVERY_S, SECONDS) > delivered_slow / SECONDS, 'it does not speed up with its sink'
    return (f'{SECONDS} s: {accepted:,} rows accepted, {refused:,} requests refused with 429, '
            f'{delivered_slow // SECONDS:,} rows/s while the sink was slow, '
            f'{delivered_fast // min(RECOVERY_S, SECONDS):,} after, peak {peak >> 20} MiB of {BUDGET_BYTES >> 20}')
