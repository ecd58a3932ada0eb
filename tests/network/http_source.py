"""ReadFromHttp against real clients: what is taken, what is refused, and that nothing taken is lost."""

import gzip
import json
import signal
import socket
import threading

from harness import Pipeline, free_port, post, read_rows, step

NDJSON = 'application/x-ndjson'


def listener(port, **config):
  return step('ReadFromHttp', listen=f'127.0.0.1:{port}', schema={'id': 'integer', 'name': 'string'}, **config)


def test_rows_of_every_format_come_out(folder):
  port = free_port()
  with Pipeline(folder, [listener(port, path='/in'), step('WriteToJson', path='out.json')], port=port):
    for body, kind, encoding, count in [
        ({'id': 1, 'name': 'a'}, 'application/json; charset=utf-8', '', 1),
        ([{'id': 2}, {'id': 3, 'name': 'b', 'other': [1]}], 'application/json', '', 2),
        ('[]', 'application/json', '', 0),
        ('{"id":4}\n{"id":5}', NDJSON, '', 2),
        ('name,id\n"x\ny",6\nz,7\n', 'text/csv', '', 2),
        (gzip.compress(b'{"id":8}\n'), NDJSON, 'gzip', 1),
    ]:
      status, headers, text = post(port, body, kind, '/in', X_Request_Id='r-1', **({'Content_Encoding': encoding} if encoding else {}))
      assert (status, json.loads(text)) == (202, {'accepted': count}), (body, status, text)
      assert headers['X-Request-Id'] == 'r-1'
  rows = read_rows(folder)
  assert [row['id'] for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8], rows
  assert rows[5]['name'] == 'x\ny' and rows[3]['name'] is None, rows


def test_a_body_with_a_mistake_is_refused_whole(folder):
  port = free_port()
  source = listener(port, max_body='2KiB', event_time='id')
  with Pipeline(folder, [source, step('WriteToJson', path='out.json')], port=port):
    for body, kind, status, text in [
        ('{"id":1}\n{"id":"x"}\n', NDJSON, 400, "body:2: field 'id'"),
        ('[{"id":1},\n\n{"id":}]', 'application/json', 400, 'body:3: expected a JSON value at column 7'),
        ('id,name\n1,a\n2\n', 'text/csv', 400, 'body:3: '),
        ('id,other\n1,a\n', 'text/csv', 400, "no field 'name'"),
        ('{"id":1}\n{"name":"a"}\n', NDJSON, 400, 'record 2: the event time is null'),
        (b'{"id":1,"name":"\xff"}', 'application/json', 400, 'UTF-8'),
        ('{"id":1}', 'text/plain', 415, 'application/json'),
        ('{"id":1}', None, 415, 'application/json'),
        (b'\x01\x02', 'application/vnd.apache.arrow.stream', 400, 'no Arrow IPC stream'),
        (' ' * 3000, 'application/json', 413, '2048'),
    ]:
      got = post(port, body, kind)
      assert got[0] == status and text in json.loads(got[2])['error'], (body, got[0], got[2])
    got = post(port, gzip.compress(b' ' * 100_000), 'application/json', Content_Encoding='gzip')
    assert got[0] == 413 and 'after decompression' in got[2], got
    assert post(port, b'{}', Content_Encoding='br')[0] == 415
    assert post(port, b'{}', path='/other')[0] == 404
    status, headers, _ = post(port, None, method='GET')
    assert (status, headers['Allow']) == (405, 'POST')
    assert post(port, '{"id":7}')[0] == 202
  assert read_rows(folder) == [{'id': 7, 'name': None}]


def test_a_token_is_asked_for(folder):
  port = free_port()
  with Pipeline(folder, [listener(port, token='s3cret'), step('WriteToJson', path='out.json')], port=port):
    assert post(port, {'id': 1})[0] == 401
    assert post(port, {'id': 1}, Authorization='Bearer s3creT')[0] == 401
    assert post(port, {'id': 1}, Authorization='Bearer s3cret')[0] == 202


def test_draining_finishes_requests_and_stops_listening(folder):
  port = free_port()
  with Pipeline(folder, [listener(port), step('WriteToJson', path='out.json')], port=port) as run:
    with socket.create_connection(('127.0.0.1', port)) as slow:
      slow.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"id"')
      assert post(port, {'id': 1})[0] == 202
      run.process.send_signal(signal.SIGINT)
      while True:  # until it does not listen any more
        with socket.socket() as probe:
          if probe.connect_ex(('127.0.0.1', port)) != 0:
            break
      slow.sendall(b':2}')
      assert b' 202 Accepted' in slow.recv(4096)
    run.end()
  assert sorted(row['id'] for row in read_rows(folder)) == [1, 2]


def test_a_port_that_is_taken_ends_the_run(folder):
  with socket.socket() as taken:
    taken.bind(('127.0.0.1', 0))
    taken.listen()
    run = Pipeline(folder, [listener(taken.getsockname()[1]), step('Print')])
    run.end(1)
  assert 'cannot listen on 127.0.0.1:' in run.err, run.err


def test_many_clients_at_once(folder):
  port, clients, requests = free_port(), 8, 200
  with Pipeline(folder, [listener(port), step('WriteToJson', path='out.json')], '--lanes', '3', port=port):
    def send(client):
      for i in range(requests):
        assert post(port, {'id': client * requests + i})[0] == 202
    threads = [threading.Thread(target=send, args=(client,)) for client in range(clients)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
  ids = [row['id'] for row in read_rows(folder)]
  assert sorted(ids) == list(range(clients * requests)), f'{len(ids)} rows'
  for client in range(clients):
    own = [i for i in ids if i // requests == client]
    assert own == sorted(own), 'a client that waits for its answers sees its order kept'
